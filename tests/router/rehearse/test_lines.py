"""Recordings: written, read again, and told apart from what is none."""

from __future__ import annotations

import pytest

from contracts.codec import moment
from contracts.commands import RequestAgent
from contracts.policy import Policy
from router.rehearse.day import Day, News, Reaction, Silence
from router.rehearse.lines import RecordingError, read, written
from tests.router.rehearse.hand import agent, case, day

SECRET = "my card is 4111 1111"


def a_day() -> Day:
    facts = case(1, 0, text=SECRET).facts
    news = News(5, RequestAgent(conversation="cv_00_1", facts=facts, waiting_since=moment(1), trigger="enriched"))
    one = case(
        1, 0, text=SECRET, news=(news,), reactions=(Reaction(3, "decline"), Reaction(4)), silences=(Silence(1, 2),),
        answers=(None, 7), returning=True, wrap_ms=9,
    )  # fmt: skip
    made = day(agent("ann", skills={"english": 3}), one, case(2, 5, language="ja"))
    return Day(made.begin_ms, made.end_ms, made.acts, made.cases, Policy(version="x"), 7, 4_000, True, ("a note",))


def test_it_comes_back_as_it_was() -> None:
    assert read(written(a_day(), texts=True)) == a_day()


def test_without_what_customers_wrote() -> None:
    lines = b"".join(written(a_day(), texts=False))
    assert SECRET.encode() not in lines
    assert SECRET.encode() in b"".join(written(a_day(), texts=True))
    again = read(lines.splitlines(keepends=True))
    assert (again.texts, again.cases[0].facts.text, again.cases[0].facts.contact) == (False, "", "ct_00_1")


def test_what_had_no_texts_does_not_say_it_has() -> None:
    once = read(written(a_day(), texts=False))
    assert read(written(once, texts=True)).texts is False


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda lines: [], "line 1: this is no recording"),
        (lambda lines: [b"PK\x03\x04\xff\n"], "line 1: this is no recording"),
        (lambda lines: [b'{"type":"head"}\n', *lines[1:]], "line 1: this is no recording"),
        (lambda lines: [lines[0].replace(b'"version":1', b'"version":9'), *lines[1:]], "recording of version 9; .* 1"),
        (lambda lines: [lines[0].replace(b'"begin_ms":1', b'"begin_ms":"1'), *lines[1:]], "line 1: "),
        (lambda lines: lines[:-1], "its last line is missing; the recording is not whole"),
        (lambda lines: [*lines[:4], lines[4][:40]], "line 5: it breaks off in the middle"),
        (lambda lines: [*lines[:2], *lines[3:]], "it has 2 acts and 2 conversations, and should have 3 and 2"),
        (lambda lines: [*lines[:2], b'{"type":"case"}\n', *lines[2:]], "line 3: Object missing required field"),
        (lambda lines: [*lines[:2], b'{"type":"cake"}\n', *lines[2:]], "line 3: Invalid value 'cake'"),
        (lambda lines: [*lines, lines[1]], "line 8: something comes after its end"),
    ],
)
def test_what_is_none_or_broken_is_told(spoil, says) -> None:  # type: ignore[no-untyped-def]
    lines = list(written(a_day(), texts=True))
    with pytest.raises(RecordingError, match=says):
        read(spoil(lines))
