"""Plain text out of what mails carry: ``format=flowed``, and HTML for those that have nothing else."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

_SKIPPED: Final = frozenset(("script", "style", "head", "title", "template", "noscript", "svg"))
_BLOCKS: Final = frozenset(
    (
        "p",
        "div",
        "tr",
        "table",
        "ul",
        "ol",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "blockquote",
        "pre",
        "hr",
        "dl",
        "dd",
        "dt",
        "section",
        "article",
        "header",
        "footer",
        "address",
    )
)
_SPACED: Final = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol"))
_QUOTE_CLASSES: Final = frozenset(("gmail_quote", "outlookmessageheader", "yahoo_quoted", "protonmail_quote"))
_QUOTE_IDS: Final = frozenset(
    ("appendonsend", "divrplyfwdmsg", "stopspelling", "mail-editor-reference-message-container")
)


def unflow(text: str, delete_space: bool) -> str:
    """Paragraphs of ``format=flowed`` text put together again (RFC 3676; ``delsp`` as Japanese clients use it)."""
    lines: list[str] = []
    joined_depth: int | None = None
    for line in text.splitlines():
        depth, line = _quote_depth(line)
        flows = line.endswith(" ") and line != "-- "
        piece = line[:-1] if flows and delete_space else line
        if joined_depth == depth and line != "-- ":
            lines[-1] += piece
        else:
            lines.append(f"{'>' * depth}{' ' if depth else ''}{piece}")
        joined_depth = depth if flows else None
    return "\n".join(lines)


def _quote_depth(line: str) -> tuple[int, str]:
    rest = line.lstrip(">")
    return len(line) - len(rest), rest.removeprefix(" ")


def html_to_text(html: str) -> tuple[str, str | None]:
    """The words of an HTML mail, and the quoted history that its writer's program marked as such."""
    reader = _Reader()
    try:
        reader.feed(html)
        reader.close()
    except (AssertionError, ValueError, RecursionError):
        # html.parser gives up on some declarations; without tags there is still text.
        return tidy(re.sub(r"<[^<>]*>", " ", html)), None
    words, quoted = tidy("".join(reader.words)), tidy("".join(reader.history))
    return (words, quoted or None) if words else (quoted, None)


def tidy(text: str) -> str:
    """Without trailing blanks, and with at most one empty line in a row."""
    text = re.sub(r"[^\S\n]+(?=\n|\Z)", "", text.replace("\r\n", "\n").replace("\r", "\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.history: list[str] = []
        self.out = self.words
        self.skipping = 0
        self.verbatim = 0
        self.link: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED:
            self.skipping += 1
        given = {name: value or "" for name, value in attrs}
        if self.out is self.words and _begins_history(tag, given):
            self.out = self.history
        self.verbatim += tag == "pre"
        if tag == "br":
            self.out.append("\n")
        elif tag in _BLOCKS:
            self.line(tag)
        elif tag == "li":
            self.line(tag)
            self.out.append("- ")
        elif tag in ("td", "th"):
            self.out.append(" ")
        elif tag == "img" and given.get("alt"):
            self.out.append(f"[{given['alt']}]")
        elif tag == "a":
            self.link = given.get("href")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self.skipping = max(0, self.skipping - 1)
        elif tag in _BLOCKS:
            self.line(tag)
            self.verbatim -= tag == "pre" and self.verbatim > 0
        elif tag == "a":
            self.end_link()

    def handle_data(self, data: str) -> None:
        if self.skipping:
            return
        if not self.verbatim:
            # Ideographic spaces are the writer's own; only what HTML folds is folded.
            data = re.sub(r"[ \t\r\n\f]+", " ", data).replace("\xa0", " ")
            if data.startswith(" ") and (not self.out or self.out[-1].endswith(("\n", " "))):
                data = data[1:]
        if data:
            self.out.append(data)

    def line(self, tag: str) -> None:
        if not self.out:
            return
        wanted = "\n\n" if tag in _SPACED else "\n"
        if not self.out[-1].endswith(wanted):
            self.out.append("\n" if self.out[-1].endswith("\n") or len(wanted) == 1 else wanted)

    def end_link(self) -> None:
        link, self.link = self.link, None
        if link and link.startswith(("http://", "https://")) and link not in "".join(self.out[-3:]):
            self.out.append(f" <{link}>")


def _begins_history(tag: str, attributes: dict[str, str]) -> bool:
    classes = set(attributes.get("class", "").lower().split())
    return (
        bool(classes & _QUOTE_CLASSES)
        or attributes.get("id", "").lower() in _QUOTE_IDS
        or (tag == "blockquote" and attributes.get("type", "").lower() == "cite")
    )
