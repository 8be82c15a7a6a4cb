"""What each channel can do, from the manifests: for ``madoguchi connectors list`` and ``connectors/MATRIX.md``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from connectors.api import Connector, Manifest
from contracts.content import KINDS

SIGNS: Final = {"native": "●", "degraded": "○", "refused": "–"}
HEAD: Final = """# Channels by capability

Written by `madoguchi gen` from the connectors' manifests; `madoguchi connectors list` shows it of what is installed.
● natively · ○ as something lesser · – not at all, and the agent is told before sending. Below is how, and why not.
"""


def row(cls: type[Connector[Any]]) -> dict[str, Any]:
    """A connector's capabilities as plain values."""
    manifest = cls.manifest
    return {
        "channel": manifest.name,
        "title": manifest.title,
        "class": manifest.channel_class,
        "carries": {kind: manifest.carries[kind].support for kind in KINDS if kind in manifest.carries},
        "text_limit": manifest.text_limit,
        "text_unit": manifest.text_unit,
        "receipts": manifest.receipts,
        "typing": manifest.typing,
        "read_marks": manifest.read_marks,
        "profiles": manifest.profile_lookup,
        "reply_window_s": manifest.reply_window_s,
        "idempotent": manifest.idempotent,
        "receives_by": _receives(cls),
        "simulator": cls.simulator is not None,
    }


def page(classes: Iterable[type[Connector[Any]]]) -> str:
    """The whole matrix as Markdown."""
    found = sorted(classes, key=lambda cls: cls.manifest.name)
    names = [cls.manifest.name for cls in found]
    lines = [HEAD, _line("", names), _line("---", [":-:"] * len(names))]
    lines += [_line(kind, [_sign(cls.manifest, kind) for cls in found]) for kind in KINDS]
    lines += [_line(f"**{about}**", [tell(cls) for cls in found]) for about, tell in FACTS.items()]
    for cls in found:
        lines += ["", f"## {cls.manifest.name}: {_titles(cls.manifest)}", *_notes(cls.manifest)]
    return "\n".join([*lines, ""])


def _sign(manifest: Manifest, kind: str) -> str:
    return SIGNS[manifest.carries[kind].support] if kind in manifest.carries else "?"


def _titles(manifest: Manifest) -> str:
    same = manifest.title == manifest.title_ja
    return manifest.title if same else f"{manifest.title} ({manifest.title_ja})"


def _notes(manifest: Manifest) -> list[str]:
    return [f"- {kind}: {SIGNS[carry.support]} {carry.how}" for kind, carry in manifest.carries.items() if carry.how]


def _line(first: str, cells: list[str]) -> str:
    return f"| {first} | {' | '.join(cells)} |"


def _receives(cls: type[Connector[Any]]) -> list[str]:
    ways = {
        "webhook": cls.verify is not Connector.verify,
        "socket": cls.manifest.sessions,
        "listener": cls.manifest.listens != "no",
    }
    return [way for way, there in ways.items() if there]


def _yes(value: bool) -> str:
    return "●" if value else "–"


def _window(seconds: int | None) -> str:
    if seconds is None:
        return "always"
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


def _text(manifest: Manifest) -> str:
    return "no limit" if manifest.text_limit is None else f"{manifest.text_limit} {manifest.text_unit}"


FACTS: Final[dict[str, Callable[[type[Connector[Any]]], str]]] = {
    "receives by": lambda cls: ", ".join(_receives(cls)),
    "text": lambda cls: _text(cls.manifest),
    "receipts": lambda cls: ", ".join(cls.manifest.receipts) or "–",
    "typing": lambda cls: _yes(cls.manifest.typing),
    "read marks": lambda cls: _yes(cls.manifest.read_marks),
    "profiles": lambda cls: _yes(cls.manifest.profile_lookup),
    "reply window": lambda cls: _window(cls.manifest.reply_window_s),
    "sends once": lambda cls: _yes(cls.manifest.idempotent),
    "fake provider": lambda cls: _yes(cls.simulator is not None),
}
"""The lines below the content kinds. *sends once*: the provider drops a repeated send with the same key."""
