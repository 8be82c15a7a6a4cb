"""Calls to Twilio's REST API, and what its answers mean. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from connectors.api import Failed, Outcome, ProviderRequest, ProviderResponse, Sent, Uncertain, problem
from connectors.kit.http import interpret as by_status
from connectors.kit.http import retry_after
from connectors.kit.json import BadJson, read
from connectors.twilio.errors import Codes, Meaning
from connectors.twilio.settings import TwilioSettings
from contracts.attachment import Attachment

ENOUGH: Final = 300
"""Characters of Twilio's own words that are passed on."""
MEDIA_TIMEOUT_S: Final = 60.0

Fields = Iterable[tuple[str, str]]


class Refusal(msgspec.Struct, frozen=True):
    """The body of an error. ``code`` decides; ``message`` is for people."""

    code: int
    message: str = ""


class Resource(msgspec.Struct, frozen=True):
    """What was made or changed."""

    sid: str


_refusal: Final = msgspec.json.Decoder(Refusal)
_resource: Final = msgspec.json.Decoder(Resource)


# -- calls ----------------------------------------------------------------------------------------------------------


def post(settings: TwilioSettings, path: str, fields: Fields, **more: Any) -> ProviderRequest:
    """A call that does something. Twilio documents no idempotency key for any of them."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    body = urlencode(list(fields)).encode()
    return ProviderRequest("POST", of_account(settings, path), headers, sign_in(settings), body, **more)


def post_json(settings: TwilioSettings, url: str, body: Any) -> ProviderRequest:
    """A call in JSON that does no harm when it is repeated."""
    headers = {"content-type": "application/json"}
    return ProviderRequest("POST", url, headers, sign_in(settings), msgspec.json.encode(body), idempotent=True)


def get(settings: TwilioSettings, url: str, timeout_s: float = 15.0) -> ProviderRequest:
    """A look at something; may be repeated."""
    return ProviderRequest("GET", url, secret_headers=sign_in(settings), idempotent=True, timeout_s=timeout_s)


def of_account(settings: TwilioSettings, path: str) -> str:
    """The URL of something that belongs to the account."""
    return f"{settings.api_base}/2010-04-01/Accounts/{segment(settings.account_sid)}{path}"


def sign_in(settings: TwilioSettings) -> dict[str, str]:
    """The header that says who we are: by API key where there is one."""
    name, word = settings.account_sid, settings.auth_token
    if settings.api_key is not None and settings.api_secret is not None:
        name, word = settings.api_key.reveal(), settings.api_secret
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{word.reveal()}".encode()).decode()}


def segment(text: str) -> str:
    """Text as one segment of a path."""
    return quote(text, safe="")


def probe_request(settings: TwilioSettings) -> ProviderRequest:
    """The account's own card."""
    return get(settings, of_account(settings, ".json"))


def media_request(settings: TwilioSettings, attachment: Attachment) -> ProviderRequest | None:
    """A file by its URL: with our credentials only at home. From there it is redirected, and they stay behind."""
    source = attachment.source
    if source is None or not source.startswith(("https://", "http://")):
        return None
    if source.startswith(f"{settings.api_base}/"):
        return get(settings, source, MEDIA_TIMEOUT_S)
    return ProviderRequest("GET", source, timeout_s=MEDIA_TIMEOUT_S)


# -- answers --------------------------------------------------------------------------------------------------------


def outcome_of(codes: Codes, request: ProviderRequest, response: ProviderResponse) -> Outcome:
    """What an answer means. A 5xx that is not in the table may come from a proxy in between, after it was done: that is
    as uncertain as no answer."""
    if response.failure is not None:
        return by_status(request, response)
    if 200 <= response.status < 300:
        made = read(response.body, _resource)
        return Sent(() if isinstance(made, BadJson) or not made.sid else (made.sid,))
    refusal = read(response.body, _refusal)
    known = not isinstance(refusal, BadJson) and refusal.code in codes
    if not isinstance(refusal, BadJson) and (known or response.status < 500):
        return _refused(codes, refusal, response)
    if response.status >= 500 and not request.idempotent:
        return Uncertain(f"Twilio answered {response.status}")
    if response.status == 404:
        return Failed(problem("config", code="404"), retry_after(response))
    return by_status(request, response)


def _refused(codes: Codes, refusal: Refusal, response: ProviderResponse) -> Failed:
    means = codes.get(refusal.code) or _by_status(response.status)
    words = "; ".join(each for each in (means.words, refusal.message[:ENOUGH]) if each)
    wait = retry_after(response)
    return Failed(problem(means.kind, words or None, str(refusal.code)), means.after_s if wait is None else wait)


def _by_status(status: int) -> Meaning:
    """A code that is not in the table."""
    if status == 429:
        return Meaning("throttled", "")
    if status in (401, 403, 404):
        return Meaning("config", "")
    return Meaning("rejected", "")
