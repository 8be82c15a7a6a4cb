"""The frames, version 1: JSON objects in text frames, told apart by ``type``. README.md has them as a table."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from connectors.api import Say
from connectors.webchat.upload import Uploaded
from contracts.codec import to_plain

VERSION: Final = 1
MAX_FRAME: Final = 65_536
MAX_ATTACHMENTS: Final = 10

CLOSE_BAD_FRAMES: Final = 4400
CLOSE_TOKEN: Final = 4401
CLOSE_VERSION: Final = 4406
CLOSE_FLOOD: Final = 4429

ClientId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{8,64}$")]


class FrameError(ValueError):
    """A frame that cannot be understood; the message is the error code for the client."""


class Frame(msgspec.Struct, frozen=True, tag_field="type"):
    """Base of what a client may send."""


class Hello(Frame, frozen=True, tag="hello"):
    """The first frame. ``after``: the last position the client holds. ``handover``: a code from another channel."""

    token: str
    v: int = VERSION
    after: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    lang: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$")] | None = None
    page: Annotated[str, msgspec.Meta(max_length=2_000)] | None = None
    handover: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


class Picked(msgspec.Struct, frozen=True):
    """The option a visitor picked, and the message that offered it."""

    value: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
    label: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    message: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class Said(Frame, frozen=True, tag="say"):
    """A message. ``id`` is the client's own and stays the same when it is sent again."""

    id: ClientId
    text: str | None = None
    attachments: tuple[Uploaded, ...] = ()
    postback: Picked | None = None


class Typed(Frame, frozen=True, tag="typing"):
    on: bool = True


class ReadUpto(Frame, frozen=True, tag="read"):
    """Everything up to this moment (a message's ``at``) was read."""

    upto: Annotated[datetime, msgspec.Meta(tz=True)]


class Seen(Frame, frozen=True, tag="seen"):
    """A message of ours is on the visitor's screen."""

    message: Annotated[str, msgspec.Meta(max_length=100)]


class Elsewhere(Frame, frozen=True, tag="invite"):
    """The visitor wants to go on over another channel."""


class Ping(Frame, frozen=True, tag="ping"): ...


AnyFrame = Hello | Said | Typed | ReadUpto | Seen | Elsewhere | Ping

_decoder = msgspec.json.Decoder(AnyFrame)
_encoder = msgspec.json.Encoder()


def read(text: str) -> AnyFrame:
    """A frame from its text.

    Raises:
        FrameError: ``too_large`` (more than 64 KiB), or ``malformed`` (no JSON, unknown type, wrong fields, too deep).
    """
    try:
        data = text.encode()
        if len(data) > MAX_FRAME:
            raise FrameError("too_large")
        decoded: AnyFrame = _decoder.decode(data)
        return decoded
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise FrameError("malformed") from None


def frame(kind: str, **fields: Any) -> Say:
    """A frame for the client; fields that are None are left out."""
    present = {name: value for name, value in fields.items() if value is not None}
    return Say(_encoder.encode({"type": kind, **to_plain(present)}).decode())
