"""Mail addresses: read out of headers leniently, spelt in one way, written so that servers take them."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from connectors.email.headers import WORD, clean, decode_words
from connectors.email.limits import ADDRESSES, TooMuch

_TOKEN: Final = re.compile(rf'{WORD.pattern}|"(?:[^"\\]|\\.)*"|<[^<>]*>|[(),;:]|[^"<(),;:=]+|.', re.S)
_ADDRESS: Final = re.compile(r"[^\s<>()\x00-\x1f\x7f]{1,190}@[^\s@<>()\"\\,;:\x00-\x1f\x7f]{1,255}")
_ATOM: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*")


class Address(msgspec.Struct, frozen=True):
    """An address in its one spelling (lower case, IDNA domain, unquoted local part) and the name shown with it."""

    email: str
    name: str | None = None


def addresses(value: str) -> list[Address]:
    """The addresses in a header value; what is none is passed over.

    Raises:
        TooMuch: there are more than anybody needs.
    """
    found: list[Address] = []
    phrase: list[str] = []
    comment: list[str] = []
    angle: str | None = None
    depth = 0

    def end() -> None:
        nonlocal angle
        address = _read(phrase, comment, angle)
        if address is not None:
            found.append(address)
        if len(found) > ADDRESSES:
            raise TooMuch(f"it names more than {ADDRESSES} addresses")
        phrase.clear()
        comment.clear()
        angle = None

    for match in _TOKEN.finditer(value):
        token = match[0]
        if token == "(":
            depth += 1
        elif token == ")":
            depth = max(0, depth - 1)
        elif depth:
            comment.append(token)
        elif token in ",;":
            end()
        elif token == ":" and angle is None:
            phrase.clear()  # the name of a group
        elif token.startswith("<") and token.endswith(">") and angle is None:
            angle = token[1:-1]
        else:
            phrase.append(token)
    end()
    return found


def _read(phrase: list[str], comment: list[str], angle: str | None) -> Address | None:
    text = "".join(phrase).strip()
    if angle is not None:
        email = normal(angle.rpartition(":")[2] if angle.lstrip().startswith("@") else angle)
        return None if email is None else Address(email, _name(text))
    email = normal(text) or next(filter(None, map(normal, text.split())), None)
    return None if email is None else Address(email, _name("".join(comment)))


def _name(text: str) -> str | None:
    text = re.sub(r'"((?:[^"\\]|\\.)*)"', lambda match: re.sub(r"\\(.)", r"\1", match[1]), text)
    return clean(" ".join(decode_words(text)[0].split()))[:200] or None


def normal(text: str) -> str | None:
    """The one spelling of an address, or None when it is none."""
    local, at, domain = text.strip().rpartition("@")
    if local.startswith('"') and local.endswith('"') and len(local) > 2:
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    address = clean(f"{local}{at}{domain.strip().rstrip('.')}").lower()
    if not _ADDRESS.fullmatch(address):
        return None
    return ascii_domain(address)


def ascii_domain(address: str) -> str | None:
    """The address with its domain in the form that DNS knows, or None when it has none."""
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return f"{local}@{domain}"
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return None


def on_the_wire(address: str) -> str:
    """The address as it goes into a header or an envelope: odd local parts (``taro..x.@docomo.ne.jp``) quoted."""
    local, _, domain = address.rpartition("@")
    if _ATOM.fullmatch(local):
        return f"{local}@{domain}"
    escaped = re.sub(r'(["\\])', r"\\\1", local)
    return f'"{escaped}"@{domain}'


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()
