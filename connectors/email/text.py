"""Plain text out of what mails carry: ``format=flowed``, and HTML for those that have nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final, NamedTuple

_RAW: Final = frozenset(("script", "style", "title", "textarea", "xmp"))
"""What stands in these is no text of the mail's."""
_OPENS: Final = re.compile(r"</?[a-zA-Z]")
_TAG: Final = re.compile(r"""<(/?)([a-zA-Z][^\s/>]{0,40})((?>[^>=]+|=\s*+(?:"[^"]*"|'[^']*')|=)*+)>""")
_CARELESS: Final = re.compile(r"<(/?)([a-zA-Z][^\s/>]{0,40})([^>]*+)>")
_ATTRIBUTE: Final = re.compile(r"""\s(class|id|type|href|alt)\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.I)
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
    lines: list[list[str]] = []
    joined_depth: int | None = None
    for line in text.splitlines():
        depth, line = _quote_depth(line)
        flows = line.endswith(" ") and line != "-- "
        piece = line[:-1] if flows and delete_space else line
        if joined_depth == depth and line != "-- ":
            lines[-1].append(piece)
        else:
            lines.append([f"{'>' * depth}{' ' if depth else ''}{piece}"])
        joined_depth = depth if flows else None
    return "\n".join("".join(pieces) for pieces in lines)


def _quote_depth(line: str) -> tuple[int, str]:
    rest = line.lstrip(">")
    return len(line) - len(rest), rest.removeprefix(" ")


def html_to_text(html: str) -> tuple[str, str | None]:
    """The words of an HTML mail, and the quoted history that its writer's program marked as such."""
    writer = _Writer()
    for token in _tokens(html):
        writer.take(token)
    words, quoted = tidy("".join(writer.words)), tidy("".join(writer.history))
    return (words, quoted or None) if words else (quoted, None)


class _Tag(NamedTuple):
    name: str
    closes: bool
    attributes: str


def _tokens(html: str) -> Iterator[str | _Tag]:
    """Text and tags, in one pass. The standard library's parser is quadratic on tags and quotes that never end."""
    at, careless = 0, False
    last = html.rfind(">")
    while -1 < (start := html.find("<", at)) < last:
        yield unescape(html[at:start])
        found = (_CARELESS if careless else _TAG).match(html, start)
        if found is not None:
            at = found.end()
            yield _Tag(found[2].lower(), bool(found[1]), found[3])
            if found[2].lower() in _RAW and not found[1]:
                at = _after(html, at, f"</{found[2]}")
        elif html.startswith(("<!--", "<!", "<?"), start):
            at = _after(html, start, "-->" if html.startswith("<!--", start) else ">")
        elif _OPENS.match(html, start) and not careless:
            careless, at = True, start  # a quote never ends: from here on it is not looked at
        else:
            yield "<"
            at = start + 1
    yield unescape(html[at:])


def _after(html: str, at: int, end: str) -> int:
    """Behind the next ``end``, or at the end of everything."""
    found = re.compile(re.escape(end), re.I).search(html, at)
    return len(html) if found is None else found.end() if end.endswith(">") else found.start()


def tidy(text: str) -> str:
    """Without trailing blanks, and with at most one empty line in a row."""
    text = re.sub(r"[^\S\n]+(?=\n|\Z)", "", text.replace("\r\n", "\n").replace("\r", "\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


class _Writer:
    """Puts the words down, line by line; into ``history`` from the first mark of a quote on."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.history: list[str] = []
        self.out = self.words
        self.verbatim = 0
        self.link: str | None = None

    def take(self, token: str | _Tag) -> None:
        if isinstance(token, str):
            self.write(token)
        elif token.closes:
            self.end(token.name)
        else:
            self.begin(token.name, _attributes(token))

    def begin(self, tag: str, given: dict[str, str]) -> None:
        if self.out is self.words and _begins_history(tag, given):
            self.out = self.history
        self.verbatim += tag == "pre"
        if tag == "br":
            self.out.append("\n")
        elif tag in _BLOCKS or tag == "li":
            self.line(tag)
        if tag == "li":
            self.out.append("- ")
        elif tag in ("td", "th"):
            self.out.append(" ")
        elif tag == "img" and given.get("alt"):
            self.out.append(f"[{given['alt']}]")
        elif tag == "a":
            self.link = given.get("href")

    def end(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.line(tag)
        if tag == "pre":
            self.verbatim = max(0, self.verbatim - 1)
        elif tag == "a":
            self.end_link()

    def write(self, text: str) -> None:
        if not self.verbatim:
            # Ideographic spaces are the writer's own; only what HTML folds is folded.
            text = re.sub(r"[ \t\r\n\f]+", " ", text).replace("\xa0", " ")
            if text.startswith(" ") and (not self.out or self.out[-1].endswith(("\n", " "))):
                text = text[1:]
        if text:
            self.out.append(text)

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


def _attributes(tag: _Tag) -> dict[str, str]:
    return {
        name.lower(): unescape(double or single or bare)
        for name, double, single, bare in _ATTRIBUTE.findall(f" {tag.attributes}")
    }


def _begins_history(tag: str, attributes: dict[str, str]) -> bool:
    classes = set(attributes.get("class", "").lower().split())
    return (
        bool(classes & _QUOTE_CLASSES)
        or attributes.get("id", "").lower() in _QUOTE_IDS
        or (tag == "blockquote" and attributes.get("type", "").lower() == "cite")
    )
