"""Tokens: those that prove Teams' requests, and ours that prove us. Pure; the host fetches keys and tokens.

The body of a request is not signed. What binds it to its token is the claim ``serviceurl``, which must be the
activity's, and the endorsement of the key for the activity's channel.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode, urlsplit

import msgspec
from jwt import PyJWK, PyJWS
from jwt.exceptions import PyJWTError
from msgspec import Meta

from connectors.api import (
    Failed,
    ProviderRequest,
    ProviderResponse,
    Refused,
    Request,
    Supplied,
    Supply,
    Then,
    Verified,
    problem,
)
from connectors.kit.json import BadJson, read
from connectors.teams import payload as teams
from connectors.teams.settings import TeamsSettings

KEYS: Final = "keys"
TOKEN: Final = "token"
LEEWAY_S: Final = 300
KEYS_LIFE_S: Final = 86_400.0
KEYS_PAUSE_S: Final = 3_600.0
"""Whoever comes with a key that we do not know makes us look for new ones at most once an hour."""
MOST_TOKEN: Final = 16_384

Seconds = Annotated[float, Meta(ge=0, le=1e11)]


class Head(msgspec.Struct, frozen=True):
    kid: str
    alg: str


class Claims(msgspec.Struct, frozen=True):
    iss: str
    aud: str
    exp: Seconds
    nbf: Seconds
    serviceurl: str


_head: Final = msgspec.json.Decoder(Head)
_claims: Final = msgspec.json.Decoder(Claims)
_origin: Final = msgspec.json.Decoder(teams.Origin)
_keys: Final = msgspec.json.Decoder(dict[str, teams.Key])
_jwks: Final = msgspec.json.Decoder(teams.Keys)
_metadata: Final = msgspec.json.Decoder(teams.Metadata)
_token: Final = msgspec.json.Decoder(teams.Token)
_login_error: Final = msgspec.json.Decoder(teams.LoginError)
_jws: Final = PyJWS()
_VERIFIED: Final = Verified()


def verify(settings: TeamsSettings, request: Request) -> Verified | Refused:
    """Scheme, signature, issuer, audience, times, service and endorsement: all of them, or 403."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not token.isascii() or not 0 < len(token) <= MOST_TOKEN:
        return Refused("there is no bearer token", 403)
    key = _key_of(token, request.supplied.get(KEYS))
    if isinstance(key, Refused):
        return key
    claims = _signed(token, key)
    if claims is None:
        return Refused("the token is not signed with its key", 403)
    wrong = _wrong_claim(settings, claims, request.received_at) or _wrong_origin(settings, claims, key, request.body)
    return _VERIFIED if wrong is None else Refused(wrong, 403)


def supplies(settings: TeamsSettings) -> tuple[Supply, Supply]:
    """Microsoft's keys and our own token."""
    keys = ProviderRequest("GET", settings.openid_url, idempotent=True)
    return Supply(KEYS, keys, KEYS_PAUSE_S), Supply(TOKEN, token_request(settings))


def token_request(settings: TeamsSettings) -> ProviderRequest:
    """Client credentials of Microsoft Entra."""
    fields = {
        "grant_type": "client_credentials",
        "client_id": settings.app_id,
        "client_secret": settings.app_password.reveal(),
        "scope": settings.scope,
    }
    url = f"{settings.login_url.rstrip('/')}/{settings.tenant}/oauth2/v2.0/token"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return ProviderRequest("POST", url, headers, body=urlencode(fields).encode(), idempotent=True)


def read_supply(settings: TeamsSettings, name: str, response: ProviderResponse) -> Supplied | Then | Failed:
    """Keys in two steps (where they are, and they themselves), a token in one."""
    if response.failure is not None or response.status >= 500 or response.status in (408, 429):
        return Failed(problem("unreachable", f"Microsoft's log-in: {response.failure or response.status}"))
    if name == TOKEN:
        return _read_token(response)
    if response.status != 200:
        return Failed(problem("bad_answer", "Microsoft's keys", str(response.status)))
    found = read(response.body, _jwks)
    if not isinstance(found, BadJson):
        good = {key.kid: key for key in found.keys if key.kty == "RSA" and key.n and key.e}
        return Supplied(msgspec.json.encode(good), KEYS_LIFE_S)
    where = read(response.body, _metadata)
    if isinstance(where, BadJson) or not _same_place(where.jwks_uri, settings.openid_url):
        return Failed(problem("bad_answer", "Microsoft's keys"))
    return Then(ProviderRequest("GET", where.jwks_uri, idempotent=True))


def _read_token(response: ProviderResponse) -> Supplied | Failed:
    token = read(response.body, _token)
    if response.status == 200 and not isinstance(token, BadJson):
        return Supplied(token.access_token.encode(), max(token.expires_in, 60.0))
    error = read(response.body, _login_error)
    said = error.error[:100] if not isinstance(error, BadJson) else ""
    return Failed(problem("config", f"Microsoft gives no token: {said or response.status}", str(response.status)))


def _same_place(url: str, other: str) -> bool:
    try:
        return urlsplit(url)[:2] == urlsplit(other)[:2]
    except ValueError:
        return False


# -- checks -----------------------------------------------------------------------------------------------------------


def _key_of(token: str, supplied: bytes | None) -> teams.Key | Refused:
    if supplied is None:
        return Refused("the keys of the issuer are not there yet", 503, renew=KEYS)
    head = _header(token)
    if head is None or head.alg != "RS256":
        return Refused("the token is none of RS256", 403)
    keys = read(supplied, _keys)
    key = keys.get(head.kid) if isinstance(keys, dict) else None
    return Refused("the key of the token is not known", 403, renew=KEYS) if key is None else key


def _header(token: str) -> Head | None:
    try:
        made = msgspec.json.encode(_jws.get_unverified_header(token))
    except (PyJWTError, ValueError, TypeError, RecursionError):
        return None
    head = read(made, _head)
    return None if isinstance(head, BadJson) else head


def _signed(token: str, key: teams.Key) -> Claims | None:
    """The claims, if the token is signed with the key. Times are not looked at here: the library has a clock."""
    try:
        public = PyJWK({"kty": "RSA", "n": key.n, "e": key.e}, "RS256")
        payload = _jws.decode_complete(token, public, algorithms=["RS256"])["payload"]
    except (PyJWTError, ValueError, TypeError, RecursionError):
        return None
    claims = read(payload, _claims)
    return None if isinstance(claims, BadJson) else claims


def _wrong_claim(settings: TeamsSettings, claims: Claims, now: datetime) -> str | None:
    seconds = now.timestamp()
    if claims.iss != settings.issuer:
        return "the token is of another issuer"
    if claims.aud != settings.app_id:
        return "the token is for another app"
    if seconds > claims.exp + LEEWAY_S or seconds < claims.nbf - LEEWAY_S:
        return "the token is over, or not yet good"
    return None


def _wrong_origin(settings: TeamsSettings, claims: Claims, key: teams.Key, body: bytes) -> str | None:
    origin = read(body, _origin)
    if isinstance(origin, BadJson) or claims.serviceurl != origin.service_url:
        return "the activity's serviceUrl is not the token's"
    if origin.channel_id not in key.endorsements:
        return "the key does not sign for the activity's channel"
    return None if settings.serves(origin.service_url) else "the activity's serviceUrl is none of Teams'"
