"""TwiML: what Twilio is to do with a call, as XML."""

from __future__ import annotations

import re
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import msgspec

from connectors.api import Response

_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""


class Verb(msgspec.Struct, frozen=True):
    """An element: its name, attributes, and a text or verbs within."""

    name: str
    attributes: dict[str, str | int | bool] = {}
    text: str = ""
    verbs: tuple[Verb, ...] = ()


def document(*verbs: Verb) -> str:
    """The document that says it."""
    return '<?xml version="1.0" encoding="UTF-8"?>' + _written(Verb("Response", verbs=verbs))


def answer(*verbs: Verb) -> Response:
    """The document as the answer to a webhook."""
    return Response(200, document(*verbs).encode(), "text/xml; charset=utf-8")


def _written(verb: Verb) -> str:
    attributes = "".join(f" {name}={quoteattr(_value(value))}" for name, value in verb.attributes.items())
    inside = escape(_FORBIDDEN.sub("", verb.text)) + "".join(map(_written, verb.verbs))
    return f"<{verb.name}{attributes}>{inside}</{verb.name}>" if inside else f"<{verb.name}{attributes}/>"


def _value(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else _FORBIDDEN.sub("", str(value))
