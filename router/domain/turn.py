"""What a rule is given for one command, and all it may do: the seam between pure rules and the shard engine.

A rule reads with ``get`` and says what should happen with ``put``, ``emit``, ``tell`` and so on. Nothing takes effect
before the whole command succeeded and its batch was committed. When ``get`` finds that a value has not been loaded
yet it raises :class:`Missing`; the engine loads it and calls the rule again, so a rule must not keep anything between
calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from contracts.message import Problem

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Table(Generic[T]):
    """A kind of state: values of one type by id, msgpack in the store.

    ``preload``: the owner holds all of it in memory from take-over on (kept as one hash); otherwise each value is a
    key of its own and is loaded when needed. ``ttl_s``: values vanish that long after they were last put.
    """

    name: str
    kind: type[T]
    preload: bool = False
    ttl_s: int | None = None


class Missing(Exception):
    """A value that has not been loaded yet. Not an error: the engine's signal to itself."""

    def __init__(self, table: Table[Any], id: str) -> None:
        super().__init__(table.name, id)
        self.table = table
        self.id = id


class Refusal(Exception):
    """The command cannot be carried out, through no fault of ours: nothing takes effect, and the asker is told."""

    def __init__(self, kind: str, sentence: str, alternatives: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.problem = Problem(kind=kind, sentence=sentence, fault="customer", alternatives=alternatives)


class Reader(Protocol):
    """Reading state."""

    shard: str
    """For example ``c:07`` or ``d:main``."""
    shards: int
    """How many conversation shards the store has."""

    def get(self, table: Table[T], id: str) -> T | None:
        """The value as of now, with what this command has put already; None when there is none."""
        ...


class Turn(Reader, Protocol):
    """One command being carried out."""

    at_ms: int
    """The command's stream time in milliseconds: the only clock a rule has."""
    entry: str
    """The command's entry id in its stream."""
    sender: str | None
    """The shard that relayed the command, if one did."""
    result: dict[str, str]
    """Told to the asker in ``command.done``."""

    @property
    def at(self) -> datetime:
        """The stream time as a moment in UTC."""
        ...

    def new_id(self, kind: str) -> str:
        """A new id that names this shard; the same on every replay."""
        ...

    def event_id(self) -> str:
        """The id for the next event of this command; the same on every replay."""
        ...

    def put(self, table: Table[T], id: str, value: T) -> None: ...

    def drop(self, table: Table[Any], id: str) -> None: ...

    def push(self, name: str, id: str, item: str) -> None:
        """Appends to the list ``name`` of ``id`` (a conversation's message ids); lists are read by the API only."""
        ...

    def index(self, name: str, member: str, score: int) -> None:
        """Puts a member into a sorted index of this shard; indexes are read by the API only."""
        ...

    def unindex(self, name: str, member: str) -> None: ...

    def emit(self, event: msgspec.Struct) -> None:
        """Appends an event to this shard's event stream."""
        ...

    def tell(self, shard: str, command: msgspec.Struct) -> None:
        """Sends a command to a shard (this one too), exactly once and in order."""
        ...

    def timer(self, key: str, at_ms: int) -> None:
        """Sets (or moves) the timer ``key``; when due, a ``TimerDue`` with that key is handled."""
        ...

    def clear_timer(self, key: str) -> None: ...

    def after(self, effect: object) -> None:
        """Work for the shell once this is committed (send, fetch). May be lost in a crash, so whatever must happen is
        also written in a preloaded table, from which :meth:`Handler.resume` finds it again."""
        ...


class Handler(Protocol):
    """The rules of one kind of shard."""

    tables: Sequence[Table[Any]]

    def load(self, shard: str, shards: int, rows: dict[str, dict[str, Any]]) -> None:
        """Take-over, and again after a failure: all rows of the preloaded tables by table name and id. Whatever the
        handler derives from them in memory is built anew here."""
        ...

    def needs(self, reader: Reader, command: Any) -> None:
        """Gets what ``handle`` will get, as far as it can be known: so that a batch is loaded in few round trips."""
        ...

    def handle(self, turn: Turn, command: Any) -> None:
        """Carries out one command.

        Raises:
            Missing: from ``turn.get``; it will be called again.
            Refusal: the command cannot be carried out.
        """
        ...

    def resume(self) -> Iterable[object]:
        """After take-over: the effects that were asked for and have not been reported as done."""
        ...
