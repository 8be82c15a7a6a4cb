"""Cases are JSON files, each with a line of provenance: where its payload comes from.

``in/*.json``: a body (any JSON, or ``text`` or ``base64`` for other bytes) and what parse must make of it.
``out/*.json``: a message to send and exactly the calls that say it, or the problem kind that refuses it.
``answers.json``: what the provider may answer to the call of an outbound case, and what it means.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from connectors.api import (
    Failed,
    MediaLink,
    Outbound,
    Outcome,
    ProviderRequest,
    ProviderResponse,
    Sent,
    Then,
    Uncertain,
)
from contracts.content import Part
from contracts.conversation import Reach

NOW: Final = datetime(2026, 9, 14, tzinfo=UTC)
KEY: Final = "6f1c2a62-2a11-4c55-9a6e-0a2e7a5a7a10"


class BadCase(ValueError):
    """A case file is not as it should be; the message names the file and what is wrong."""


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What we answer to a request."""

    status: int = 200
    body: str = ""


class InboundCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``events`` as in :func:`contracts.codec.to_plain`; ``reason``: a piece of the reason of what was passed over.

    ``result``: batch, ignored, malformed; handshake (a set-up call, answered with ``answer``); refused (by verify).
    ``echo``: it is our own message, told to us by the provider.
    """

    provenance: str
    body: msgspec.Raw = msgspec.Raw()
    text: str | None = None
    base64: str | None = None
    headers: dict[str, str] = {}
    received_at: datetime = NOW
    result: str = "batch"
    events: list[Any] = []
    reason: str | None = None
    method: str = "POST"
    path: str = ""
    query: dict[str, str] = {}
    answer: Reply | None = None
    echo: bool = False

    def payload(self) -> bytes:
        """The bytes of the request."""
        if self.base64 is not None:
            return base64.b64decode(self.base64)
        return self.text.encode() if self.text is not None else bytes(self.body)


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to send, in short."""

    parts: tuple[Part, ...]
    address: str
    token: str | None = None
    done: int = 0
    subject: str | None = None
    reply_to: str | None = None
    thread: str | None = None
    extra: dict[str, Any] | None = None
    media: dict[str, MediaLink] = {}
    automatic: bool = False


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call that must be made. ``headers`` are those that must be there; ``body`` is compared as JSON,
    or as text where it is none (a form)."""

    url: str
    method: str = "POST"
    headers: dict[str, str] = {}
    body: Any = None
    covers: int = 1
    uses_token: bool = False
    idempotent: bool = False


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``to``: the outbound case whose call is answered. ``means``: sent, uncertain, then, or a problem kind."""

    to: str = ""
    means: str = "then"
    call: int = 0
    status: int = 0
    failure: str | None = None
    headers: dict[str, str] = {}
    body: str = ""
    retry_after_s: float | None = None
    fallback: bool = False
    ids: tuple[str, ...] = ()

    def response(self) -> ProviderResponse:
        """The answer as the host would hand it over."""
        return ProviderResponse(self.status, self.headers, self.body.encode(), self.failure)


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer to the call before, and the call that then has to follow; without ``then`` the talk is over."""

    answer: Answer
    then: Call | None = None


class OutboundCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``talk``: where one call needs the answer of another (an upload), what follows the first of ``calls``."""

    provenance: str
    message: Message
    calls: list[Call] = []
    fails: str | None = None
    talk: list[Turn] = []


class Answers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    provenance: str
    answers: list[Answer]


def inbound_cases(folder: Path) -> dict[str, InboundCase]:
    """The inbound cases by file name."""
    return {path.stem: _read(path, InboundCase) for path in sorted((folder / "in").glob("*.json"))}


def outbound_cases(folder: Path) -> dict[str, OutboundCase]:
    """The outbound cases by file name."""
    return {path.stem: _read(path, OutboundCase) for path in sorted((folder / "out").glob("*.json"))}


def answers(folder: Path) -> list[Answer]:
    """The table of answers; empty when there is none."""
    path = folder / "answers.json"
    return _read(path, Answers).answers if path.exists() else []


def outbound_of(message: Message, account: str, channel: str, pieces: tuple[Part, ...]) -> Outbound:
    """The message as the host would hand it over: fixed ids, time and key."""
    return Outbound(
        "ms_" + "a" * 26,
        "cv_00_case",
        account,
        Reach(channel, account, message.address, NOW, thread=message.thread),
        pieces,
        KEY,
        NOW,
        message.done,
        subject=message.subject,
        reply_to=message.reply_to,
        media=message.media,
        extra=message.extra,
        token=message.token,
        automatic=message.automatic,
    )


def call_of(request: ProviderRequest) -> Call:
    """A call as it would stand in a case file."""
    body = _body_of(request)
    headers = dict(request.headers)
    return Call(
        request.url,
        request.method,
        headers,
        body,
        request.covers,
        request.uses_token,
        request.idempotent,
    )


def _body_of(request: ProviderRequest) -> Any:
    """JSON as values; a form and anything else as text."""
    try:
        return msgspec.json.decode(request.body) if request.body else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return request.body.decode("utf-8", "backslashreplace")


def meaning(outcome: Outcome | Then) -> str:
    """An outcome in the word of the case files."""
    match outcome:
        case Failed():
            return outcome.problem.kind
        case Sent():
            return "sent"
        case Uncertain():
            return "uncertain"
        case Then():
            return "then"


def _read(path: Path, kind: Any) -> Any:
    try:
        case = msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise BadCase(f"{path}: {error}") from None
    if len(case.provenance) < 10:
        raise BadCase(f"{path}: say in provenance where it comes from")
    return case
