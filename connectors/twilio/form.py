"""What Twilio posts: a form, read strictly. Any failure is a :class:`BadForm`, never an exception."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from connectors.api import Request

MOST_FIELDS: Final = 1_000


class BadForm(msgspec.Struct, frozen=True):
    """Why it could not be read."""

    reason: str


class Form(msgspec.Struct, frozen=True):
    """The fields in the order in which they came. Twilio adds new ones without notice."""

    pairs: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """The first value that is not empty."""
        return next((value for key, value in self.pairs if key == name and value), None)

    def some(self, *names: str) -> dict[str, str]:
        """Those of the fields that are there."""
        return {name: value for name in names if (value := self.get(name)) is not None}

    def number(self, name: str) -> int | None:
        """A whole number of at most nine digits; None when it is none."""
        value = self.get(name) or ""
        return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


def read_form(request: Request) -> Form | BadForm:
    """The fields of a POST's body, or of a GET's query."""
    return fields_of(source_of(request))


def source_of(request: Request) -> bytes:
    """The bytes that have the fields."""
    return urlsplit(request.url).query.encode() if request.method == "GET" else request.body


def fields_of(data: bytes) -> Form | BadForm:
    """The fields; empty values are fields too, and nothing is trimmed: signatures are over all of it."""
    try:
        text = data.decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except UnicodeDecodeError:
        return BadForm("no UTF-8")
    except ValueError:
        return BadForm(f"more than {MOST_FIELDS} fields")
    return Form(tuple(pairs))
