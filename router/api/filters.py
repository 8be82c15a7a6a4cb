"""Which events somebody wants."""

from __future__ import annotations

from collections.abc import Callable

from contracts import codec
from router.api.problems import bad_input
from router.shards.tail import Entry


def accepts(
    types: tuple[str, ...], conversation: str | None, contact: str | None, agent: str | None
) -> Callable[[Entry], bool]:
    """A filter over entries; what is given must hold."""
    exact = frozenset(one for one in types if not one.endswith("*"))
    families = tuple(one[:-1] for one in types if one.endswith("*"))

    def accept(entry: Entry) -> bool:
        return (
            (not types or entry.type in exact or entry.type.startswith(families or ("\x00",)))
            and conversation in (None, entry.conversation)
            and contact in (None, entry.contact)
            and agent in (None, entry.agent)
        )

    return accept


def check_types(types: tuple[str, ...], where: str, status: int = 422) -> None:
    """Raises ApiError at a type that there is not; a misspelt filter would wait for ever."""
    for one in types:
        family = one[:-1] if one.endswith(".*") else None
        known = any(name.startswith(family) for name in codec.EVENT_TYPES) if family else one in codec.EVENT_TYPES
        if not known:
            expected = ", ".join(sorted(codec.EVENT_TYPES))
            raise bad_input(f"there is no event type {one[:80]!r}", where=where, expected=expected, status=status)
