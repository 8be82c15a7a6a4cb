"""A day as a file: lines of JSON, the first says what it is, the last how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from contracts.policy import Policy
from router.rehearse.day import Act, Case, Day

FORMAT: Final = "madoguchi-rehearsal"
VERSION: Final = 1


class RecordingError(ValueError):
    """Lines that are no recording; the message says which line, and what is wrong."""


class Head(msgspec.Struct, frozen=True, omit_defaults=True, tag="head"):
    """The first line."""

    format: str
    version: int
    begin_ms: int = 0
    end_ms: int = 0
    policy: Policy | None = None
    number: int = 0
    accept_ms: int = 5_000
    texts: bool = False
    notes: tuple[str, ...] = ()


class End(msgspec.Struct, frozen=True, tag="end"):
    """The last line: how many acts and cases came before it."""

    acts: int
    cases: int


class _Said(msgspec.Struct):
    """What every head says, of whatever version."""

    format: str = ""
    version: int = 0


def written(day: Day, texts: bool) -> Iterator[bytes]:
    """The lines, each with its end. Without ``texts`` what customers wrote is left out."""
    encoder = msgspec.json.Encoder()
    texts = texts and day.texts
    head = Head(FORMAT, VERSION, day.begin_ms, day.end_ms, day.policy, day.number, day.accept_ms, texts, day.notes)
    yield encoder.encode(head) + b"\n"
    for act in day.acts:
        yield encoder.encode(act) + b"\n"
    for case in day.cases:
        yield encoder.encode(case if texts else wordless(case)) + b"\n"
    yield encoder.encode(End(len(day.acts), len(day.cases))) + b"\n"


def wordless(case: Case) -> Case:
    """Without anything that the customer wrote."""
    news = tuple(
        replace(one, request=replace(one.request, facts=replace(one.request.facts, text=""))) for one in case.news
    )
    return replace(case, facts=replace(case.facts, text=""), news=news)


def read(lines: Iterable[bytes]) -> Day:
    """The day that was written.

    Raises:
        RecordingError: it is none, of another version, broken, or cut off.
    """
    numbered = enumerate(lines, 1)
    head = _head(next((line for _, line in numbered), b""))
    decoder = msgspec.json.Decoder(Act | Case | End)
    acts: list[Act] = []
    cases: list[Case] = []
    end: End | None = None
    for number, line in numbered:
        if not line.strip():
            continue
        if end is not None:
            raise RecordingError(f"line {number}: something comes after its end")
        one = _line(decoder, number, line)
        if isinstance(one, End):
            end = one
        else:
            (acts if isinstance(one, Act) else cases).append(one)  # type: ignore[arg-type]
    _whole(end, acts, cases)
    return Day(
        head.begin_ms, head.end_ms, tuple(acts), tuple(cases), head.policy, head.number, head.accept_ms, head.texts,
        head.notes,
    )  # fmt: skip


def _head(line: bytes) -> Head:
    try:
        said = msgspec.json.decode(line, type=_Said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise RecordingError("line 1: this is no recording; madoguchi rehearse --record FILE makes one") from None
    if said.format != FORMAT:
        raise RecordingError("line 1: this is no recording; madoguchi rehearse --record FILE makes one")
    if said.version != VERSION:
        raise RecordingError(f"line 1: a recording of version {said.version}; this program reads version {VERSION}")
    try:
        return msgspec.json.decode(line, type=Head)
    except msgspec.DecodeError as error:
        raise RecordingError(f"line 1: {error}") from None


def _line(decoder: msgspec.json.Decoder[Act | Case | End], number: int, line: bytes) -> Act | Case | End:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if not line.endswith(b"\n"):
            raise RecordingError(f"line {number}: it breaks off in the middle; the recording is not whole") from None
        raise RecordingError(f"line {number}: {error}") from None


def _whole(end: End | None, acts: list[Act], cases: list[Case]) -> None:
    if end is None:
        raise RecordingError("its last line is missing; the recording is not whole")
    if (end.acts, end.cases) != (len(acts), len(cases)):
        raise RecordingError(
            f"it has {len(acts)} acts and {len(cases)} conversations, and should have {end.acts} and {end.cases}"
        )
