"""Cuts the quoted history off a reply: the six Japanese shapes and the usual English ones. Never cuts everything."""

from __future__ import annotations

import re
from typing import Final

DELIMITER: Final = "##- この行より上に返信してください -##"
"""A line of our own that some operators put on top of what they send."""

_HEADER: Final = r"(?:From|Sent|To|Cc|Subject|Date|Reply-To|差出人|送信日時|送信日|日時|日付|送信者|宛先|ＣＣ|CC|件名)"
_HEADER_LINE: Final = re.compile(rf"[\s>*]*\**{_HEADER}\**\s*[:：]", re.I)
_DAY: Final = r"\d{4}[年/.\-]\s?\d{1,2}[月/.\-]\s?\d{1,2}日?"
_TIME: Final = r"\d{1,2}[:時]\d{2}"

_BEGINNINGS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        re.escape(DELIMITER),
        r"On\b.{5,200}\bwrote\s*[:：]$",
        r"(Le|El|Am|Il|Op)\b.{5,200}\b(a écrit|escribió|schrieb|ha scritto|schreef)\b.{0,80}[:：]$",
        # Gmail: 2026年9月14日(月) 10:00 山田太郎 <a@b>:
        rf"{_DAY}.{{0,8}}\s*{_TIME}.{{0,120}}<[^<>\s]+@[^<>\s]+>\s*[:：]$",
        # Apple: 2026/09/14 10:00、山田太郎 <a@b>のメール:   (older: のメッセージ:)
        rf"{_DAY}.{{0,8}}\s*{_TIME}.{{0,140}}の(メール|メッセージ)\s*[:：]$",
        # Thunderbird: 2026/09/14 10:00, 山田太郎 wrote:   or   ... さんは書きました:
        rf"\(?{_DAY}.{{0,8}}\s*{_TIME}\)?.{{0,140}}(wrote|さんは書きました|が書きました|さんが書きました)\s*[:：]$",
        r"-{2,}\s*(Original [Mm]essage|Original Appointment|Forwarded message|元のメッセージ|元のメール|転送メッセージ|"
        r"転送されたメッセージ|オリジナル メッセージ)\s*-{2,}$",
        r"Begin forwarded message:$",
    )
)
_RULE: Final = re.compile(r"_{20,}|-{20,}|＿{10,}|─{10,}")
_WRAPPED: Final = re.compile(rf"(On\b.{{5,}}|{_DAY}.*{_TIME}.*)")


def cut_history(text: str) -> tuple[str, str | None]:
    """The new words, and the history below them (whole); when nothing would be left, all of it is new."""
    lines = text.split("\n")
    at = _history_start(lines)
    if at is None:
        return text, None
    words = "\n".join(lines[:at]).rstrip()
    history = "\n".join(lines[at:]).strip("\n")
    if not words.strip() or not history.strip():
        return text, None
    return words, history


def _history_start(lines: list[str]) -> int | None:
    for number, line in enumerate(lines):
        if _begins(lines, number, line.strip().lstrip("> ")):
            return number
    return _trailing_quote(lines)


def _begins(lines: list[str], number: int, line: str) -> bool:
    if len(line) > 400 or not line or not _may_begin(line):
        return False
    if any(pattern.match(line) for pattern in _BEGINNINGS):
        return True
    if _WRAPPED.match(line) and _begins_wrapped(lines, number, line):
        return True
    if _RULE.fullmatch(line):
        return _header_group(lines, _next_filled(lines, number + 1), 1)
    return bool(_HEADER_LINE.match(line)) and _header_group(lines, number, 3)


def _may_begin(line: str) -> bool:
    """A quick look that spares most lines the patterns."""
    return ":" in line or "：" in line or line[0] in "-_#＿─" or line.startswith("On ") or line[:4].isdigit()


def _begins_wrapped(lines: list[str], number: int, line: str) -> bool:
    """The line that introduces the quote was folded by the sender's program, before the address as a rule."""
    joined = line
    for following in lines[number + 1 : number + 3]:
        joined = f"{joined} {following.strip().lstrip('> ')}"
        if len(joined) > 400:
            return False
        if any(pattern.match(joined) for pattern in _BEGINNINGS):
            return True
    return False


def _header_group(lines: list[str], number: int, needed: int) -> bool:
    """Lines such as From:, Sent:, To: (差出人:, 宛先:) in a row. A single one may be the writer's own."""
    found = 0
    for line in lines[number : number + 8]:
        if _HEADER_LINE.match(line):
            found += 1
        elif line.strip() and not line.startswith((" ", "\t")):
            break
    return found >= max(needed, 2)


def _next_filled(lines: list[str], number: int) -> int:
    while number < len(lines) and not lines[number].strip():
        number += 1
    return number


def _trailing_quote(lines: list[str]) -> int | None:
    """A block of ``>`` lines at the end, with at most a signature's worth of blank lines in it."""
    at = len(lines)
    while at > 0 and (lines[at - 1].lstrip().startswith((">", "＞")) or not lines[at - 1].strip()):
        at -= 1
    quoted = [line for line in lines[at:] if line.strip()]
    return at if quoted else None
