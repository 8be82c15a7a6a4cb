"""Twilio's own SDK, as the judge: its signatures of our requests."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from multidict import MultiDict
from twilio.request_validator import RequestValidator

from connectors.api import Request

TOKEN = "12345678901234567890123456789012"
ACCOUNT = "AC" + "0" * 32


def fields(body: bytes) -> MultiDict[str]:
    """A form as a web framework would give it to the SDK."""
    return MultiDict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def signed(request: Request, token: str = TOKEN) -> Mapping[str, str]:
    """The headers that Twilio's SDK would accept with this request."""
    bare = request.method == "GET" or "bodySHA256" in request.query
    form = {} if bare else fields(request.body)
    return {"x-twilio-signature": RequestValidator(token).compute_signature(request.url, form)}


def accepted(request: Request, token: str = TOKEN) -> bool:
    """Does Twilio's SDK accept the request?"""
    params = request.body.decode() if "bodySHA256" in request.query else fields(request.body)
    return bool(RequestValidator(token).validate(request.url, params, request.headers["x-twilio-signature"]))
