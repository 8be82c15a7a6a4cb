"""A webhook as Twilio would send it, signed with the account's own token."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode, urlsplit

from connectors.api import Request
from connectors.twilio.form import Form
from connectors.twilio.gate import HEADER, signature
from contracts.codec import moment
from contracts.ids import digest


def encoded(fields: Iterable[tuple[str, str]]) -> bytes:
    """A form's body."""
    return urlencode(list(fields)).encode()


def headers(key: bytes, url: str, body: bytes) -> dict[str, str]:
    """What Twilio sends with this form to that URL.."""
    pairs = tuple(parse_qsl(body.decode(), keep_blank_values=True))
    return {
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        "user-agent": "TwilioProxy/1.1",
        "i-twilio-idempotency-token": digest(body.hex()),
        HEADER: signature(key, url, Form(pairs)),
    }


def signed(key: bytes, url: str, body: bytes, at_ms: int) -> Request:
    """The request with Twilio's headers."""
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    return Request("POST", "", query, headers(key, url, body), body, moment(at_ms), url)


def sid(kind: str, *seed: str | int) -> str:
    """An id like Twilio's: two letters and 32 hexadecimal digits."""
    return kind + digest(*map(str, seed))
