"""Identifiers: text, readable, and naming their shard.

A contact or conversation id carries the number of the shard it lives in (``ct_07_...``), so any process finds
its keys from the id alone. A message id is a hash of what the provider calls the message, so a redelivery has
the same id wherever and whenever it arrives.
"""

from __future__ import annotations

import hashlib
from typing import Final

CONTACT: Final = "ct"
CONVERSATION: Final = "cv"
MESSAGE: Final = "ms"
ATTACHMENT: Final = "at"
COMMAND: Final = "cm"

_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32: no i, l, o, u


class IdError(ValueError):
    """An identifier that cannot be ours; the message says what was expected."""


def digest(*parts: str) -> str:
    """A hash of the parts, 32 hexadecimal digits (128 bit); parts cannot run into each other."""
    return hashlib.blake2b("\x00".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def message_id(account: str, provider_id: str) -> str:
    """The id of the message that the provider calls ``provider_id`` on ``account``."""
    return f"{MESSAGE}_{digest(account, provider_id)}"


def attachment_id(message: str, position: int) -> str:
    """The id of the attachment at ``position`` (from 0) of a message."""
    return f"{ATTACHMENT}_{message.removeprefix(MESSAGE + '_')}_{position}"


def identity_key(channel: str, account: str, address: str) -> str:
    """The one spelling of an identity: addresses are scoped to a channel and an account."""
    return f"{channel}:{account}:{address}"


def shard_for(text: str, shards: int) -> int:
    """The shard (0 to ``shards`` - 1) that an identity key or a verified claim hashes to."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).digest()) % shards


def entry_suffix(entry_id: str, position: int = 0) -> str:
    """A short, sortable suffix from a stream entry id (``ms-n``) and a position within that command."""
    milliseconds, _, number = entry_id.partition("-")
    return f"{_base32(int(milliseconds))}{_base32(int(number))}" + (f"x{position}" if position else "")


def in_shard(kind: str, shard: int, suffix: str) -> str:
    """An id of ``kind`` that lives in conversation shard ``shard``."""
    return f"{kind}_{shard:02d}_{suffix}"


def shard_of(identifier: str) -> int:
    """The conversation shard named in a contact or conversation id.

    Raises:
        IdError: the text has not the form ``ct_07_...`` or ``cv_07_...``.
    """
    kind, _, rest = identifier.partition("_")
    number, _, suffix = rest.partition("_")
    if kind not in (CONTACT, CONVERSATION) or not number.isascii() or not number.isdigit() or not suffix:
        raise IdError(f"{identifier!r} is no contact or conversation id; they look like ct_07_... and cv_07_...")
    return int(number)


def _base32(value: int) -> str:
    letters = ""
    while True:
        value, digit = divmod(value, 32)
        letters = _DIGITS[digit] + letters
        if not value:
            return letters
