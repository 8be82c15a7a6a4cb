"""The way in, the same for all of Twilio: ``X-Twilio-Signature`` over the public URL and the sorted fields."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import urlencode

from connectors.api import Refused, Request, Response, Verified
from connectors.kit.signatures import equal
from connectors.twilio.form import BadForm, Form, read_form
from connectors.twilio.settings import TwilioSettings

HEADER: Final = "x-twilio-signature"
BODY_HASH: Final = "bodySHA256"
NOTHING_TO_SAY: Final = Response(200, b'<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml; charset=utf-8")
"""An empty TwiML document: without it Twilio warns its owner, and plain words would go to the customer."""
_VERIFIED: Final = Verified()
_URL: Final = re.compile(r"(https?)://([^/?#:]*)(:[0-9]+)?(.*)", re.DOTALL)
_PORTS: Final = {"http": ":80", "https": ":443"}


def keys_of(settings: TwilioSettings) -> tuple[bytes, ...]:
    """The keys that may sign, the present one first."""
    return tuple(secret.key() for secret in (settings.auth_token, *settings.more_auth_tokens))


def verify(keys: Sequence[bytes], webhook_url: str | None, request: Request) -> Verified | Refused:
    """HMAC-SHA1 by any of the keys. It covers no time: a replay is stopped by ids alone.

    A body that is no form (JSON) is covered by a hash of it in the URL.
    """
    given = request.headers.get(HEADER)
    if given is None:
        return Refused(f"no {HEADER}")
    fields = _covered(request)
    if isinstance(fields, Refused):
        return fields
    for url in _urls(webhook_url, request):
        signed = signed_bytes(url, fields)
        if any(equal(_mac(key, signed), given) for key in keys):
            return _VERIFIED
    return Refused(f"{HEADER} does not match the URL and the fields")


def signature(key: bytes, url: str, form: Form) -> str:
    """The header's value."""
    return _mac(key, signed_bytes(url, form.pairs)).decode()


def signed_bytes(url: str, pairs: Iterable[tuple[str, str]]) -> bytes:
    """The URL, then each name with its value, sorted; a name that comes twice has each of its values once."""
    joined = "".join(name + value for name, value in sorted(set(pairs)))
    return (url + joined).encode("utf-8", "surrogatepass")


def _mac(key: bytes, signed: bytes) -> bytes:
    return binascii.b2a_base64(hmac.digest(key, signed, "sha1"), newline=False)


def _covered(request: Request) -> Sequence[tuple[str, str]] | Refused:
    """The fields that were signed along with the URL."""
    if request.method == "GET":
        return ()
    told = request.query.get(BODY_HASH)
    if told is not None:
        whole = equal(hashlib.sha256(request.body).hexdigest().encode(), told)
        return () if whole else Refused(f"{BODY_HASH} does not match the body")
    form = read_form(request)
    return Refused(f"the body is no form: {form.reason}") if isinstance(form, BadForm) else form.pairs


def _urls(webhook_url: str | None, request: Request) -> Iterator[str]:
    """As the service knows its own URL, and as the account's settings do; each with and without its port, about which
    Twilio's own signing is not of one mind."""
    yield from spellings(request.url)
    if webhook_url is not None and not request.url.startswith(webhook_url):
        query = f"?{urlencode(dict(request.query))}" if request.query else ""
        yield from spellings(f"{webhook_url}{request.path}{query}")


def spellings(url: str) -> tuple[str, ...]:
    """The URL without its fragment as it is, and without or with the port."""
    url = url.partition("#")[0]
    found = _URL.fullmatch(url)
    if found is None:
        return (url,)
    scheme, host, port, rest = found.groups()
    return url, f"{scheme}://{host}{'' if port else _PORTS[scheme]}{rest}"
