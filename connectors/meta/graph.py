"""Calls to the Graph API, and what its answers mean. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from connectors.api import Failed, Outcome, ProviderRequest, ProviderResponse, Uncertain, problem
from connectors.api.outcome import ProblemKind
from connectors.kit.http import interpret as by_status
from connectors.kit.http import retry_after
from connectors.kit.json import BadJson, read
from connectors.meta.settings import MetaSettings

ENOUGH: Final = 300
"""Characters of Meta's own words that are passed on."""
LATER_S: Final = 60.0
"""What Meta's limits are counted by, where it does not say how long to wait."""


class Meaning(msgspec.Struct, frozen=True):
    """What an error code stands for. ``unclear``: Meta documents it as given although the message went out."""

    kind: ProblemKind
    after_s: float | None = None
    person: bool = False
    unclear: bool = False


Codes = Mapping[int | tuple[int, int], Meaning]
"""By code, or by code and subcode where the subcode decides."""


class ErrorData(msgspec.Struct, frozen=True):
    details: str = ""


class GraphError(msgspec.Struct, frozen=True):
    """The ``error`` of an answer. ``code`` decides; ``message`` is for people."""

    code: int
    error_subcode: int | None = None
    message: str = ""
    is_transient: bool = False
    error_data: ErrorData | str | None = None


class Refusal(msgspec.Struct, frozen=True):
    error: GraphError


_refusal: Final = msgspec.json.Decoder(Refusal)

AGAIN: Final = Meaning("unreachable")
SLOWER: Final = Meaning("throttled", LATER_S)
ACCOUNT: Final = Meaning("config")
REJECTED: Final = Meaning("rejected")

SHARED: Final[Codes] = {
    0: ACCOUNT, 1: AGAIN, 2: AGAIN, 3: ACCOUNT, 4: SLOWER, 10: ACCOUNT, 17: SLOWER, 32: SLOWER, 33: ACCOUNT,
    100: REJECTED, 190: ACCOUNT, 368: ACCOUNT, 613: SLOWER, 80007: SLOWER,
}  # fmt: skip
"""What the whole of the Graph API means by them; 200 to 299 are missing permissions."""


# -- calls ----------------------------------------------------------------------------------------------------------


def get(settings: MetaSettings, path: str, timeout_s: float = 15.0, **query: str) -> ProviderRequest:
    """A look at something; may be repeated."""
    url = _url(settings, path) + (f"?{urlencode(query, safe=',')}" if query else "")
    return ProviderRequest("GET", url, secret_headers=token(settings), idempotent=True, timeout_s=timeout_s)


def post(settings: MetaSettings, path: str, body: Any, **more: Any) -> ProviderRequest:
    """A call that does something. Meta knows no idempotency keys."""
    headers = {"content-type": "application/json"}
    return ProviderRequest("POST", _url(settings, path), headers, token(settings), msgspec.json.encode(body), **more)


def token(settings: MetaSettings) -> dict[str, str]:
    """The header that says who we are."""
    return {"authorization": f"Bearer {settings.access_token.reveal()}"}


def segment(text: str) -> str:
    """Text as one segment of a path."""
    return quote(text, safe="")


def _url(settings: MetaSettings, path: str) -> str:
    return f"{settings.api_base}/{settings.api_version}/{path}"


# -- answers --------------------------------------------------------------------------------------------------------


def failure_of(codes: Codes, request: ProviderRequest, response: ProviderResponse) -> Outcome:
    """What an answer means that is no success. Without an error of Meta's own a 5xx may come from a proxy in between,
    after the message went out: that is as uncertain as no answer."""
    if response.failure is not None:
        return by_status(request, response)
    refusal = read(response.body, _refusal)
    if not isinstance(refusal, BadJson):
        return _refused(codes, refusal.error, response)
    if response.status >= 500 and not request.idempotent:
        return Uncertain(f"Meta answered {response.status}")
    return by_status(request, response)


def meaning(codes: Codes, error: GraphError) -> Meaning:
    """By code and subcode, then by code, then by what the whole of the Graph API has in common."""
    exact = codes.get((error.code, error.error_subcode)) if error.error_subcode is not None else None
    known = exact or codes.get(error.code) or SHARED.get(error.code)
    if known is not None:
        return known
    if error.is_transient:
        return AGAIN
    return ACCOUNT if 200 <= error.code <= 299 else REJECTED


def _refused(codes: Codes, error: GraphError, response: ProviderResponse) -> Outcome:
    means = meaning(codes, error)
    if response.status == 429 and means is REJECTED:
        means = SLOWER
    code = str(error.code) if error.error_subcode is None else f"{error.code}/{error.error_subcode}"
    if means.unclear:
        return Uncertain(f"Meta answered with error {code}, which may come although the message was sent")
    wait = retry_after(response)
    after = means.after_s if wait is None else wait
    return Failed(problem(means.kind, _words(error), code), after, person=means.person)


def _words(error: GraphError) -> str | None:
    details = error.error_data.details if isinstance(error.error_data, ErrorData) else error.error_data or ""
    return "; ".join(each for each in (error.message, details) if each)[:ENOUGH] or None
