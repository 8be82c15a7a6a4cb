"""What in a mail's addresses and ids is ours: the signed plus-address token, and our own Message-IDs.

Neither is authority: whoever was sent a mail has both. The conversation rules check the sender.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from typing import Final

import msgspec

from contracts.ids import CONVERSATION, MESSAGE, IdError, in_shard, shard_of

MAC_LETTERS: Final = 20
"""Of base 32: 100 bits."""
LOCAL_PART: Final = 64
"""Octets (RFC 5321, 4.5.3.1.1)."""
_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_TOKEN: Final = re.compile(rf"([{_DIGITS}]{{2}})([{_DIGITS}]{{1,40}})([a-z2-7]{{{MAC_LETTERS}}})")
_OURS: Final = re.compile(rf"({MESSAGE}_[a-z0-9]{{1,64}})\.({CONVERSATION}_\d{{2,5}}_[a-z0-9]{{1,40}})@([^\s@<>]+)")


class OurId(msgspec.Struct, frozen=True):
    """What a Message-ID of ours says."""

    message: str
    conversation: str


def reply_token(key: bytes, account: str, conversation: str) -> str | None:
    """Names a conversation by shard, suffix and a MAC, in lower-case base 32; None when that cannot be done."""
    try:
        shard = shard_of(conversation)
    except IdError:
        return None
    suffix = conversation.rpartition("_")[2]
    if not key or shard >= 1024 or in_shard(CONVERSATION, shard, suffix) != conversation:
        return None
    token = f"{_DIGITS[shard // 32]}{_DIGITS[shard % 32]}{suffix}{_mac(key, account, conversation)}"
    return token if _TOKEN.fullmatch(token) else None


def read_token(key: bytes, account: str, token: str) -> str | None:
    """The conversation that a token names, when it is genuine; relays may have changed its case."""
    found = _TOKEN.fullmatch(token.lower())
    if found is None or not key:
        return None
    shard = _DIGITS.index(found[1][0]) * 32 + _DIGITS.index(found[1][1])
    conversation = in_shard(CONVERSATION, shard, found[2])
    genuine = hmac.compare_digest(_mac(key, account, conversation).encode(), found[3].encode())
    return conversation if genuine else None


def reply_address(address: str, separator: str, token: str | None) -> str | None:
    """``support+<token>@example.jp``, or None when that would be too long for a local part."""
    local, _, domain = address.rpartition("@")
    if token is None or len(local) + len(separator) + len(token) > LOCAL_PART:
        return None
    return f"{local}{separator}{token}@{domain}"


def token_in(address: str, ours: tuple[str, ...], separator: str) -> str | None:
    """What follows the separator when the address is one of ours with something added."""
    local, _, domain = address.rpartition("@")
    for own in ours:
        own_local, _, own_domain = own.rpartition("@")
        if domain == own_domain and local.startswith(own_local + separator):
            return local[len(own_local) + len(separator) :] or None
    return None


def message_id(message: str, conversation: str, domain: str) -> str:
    """Our own Message-ID without brackets: the same for every attempt, and naming the conversation."""
    return f"{message}.{conversation}@{domain}"


def read_message_id(identifier: str, domain: str) -> OurId | None:
    """What a Message-ID says, when it is one of ours."""
    found = _OURS.fullmatch(identifier)
    if found is None or found[3].lower() != domain.lower():
        return None
    return OurId(found[1], found[2])


def _mac(key: bytes, account: str, conversation: str) -> str:
    digest = hmac.digest(key, f"v1|{account}|{conversation}".encode(), "sha256")
    return b32encode(digest).decode("ascii").lower()[:MAC_LETTERS]
