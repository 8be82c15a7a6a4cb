"""The dispatch shard in memory: one turn after another, at whatever time the rehearsal says it is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from contracts.codec import moment
from contracts.events import DecisionMade
from contracts.streams import DISPATCH
from router.domain.dispatch.attend import SESSION
from router.domain.dispatch.tables import DECISIONS
from router.domain.turn import Table, Turn
from router.rehearse.ledger import Ledger

T = TypeVar("T")

UNKEPT: Final = frozenset({DECISIONS.name})
"""What only the API would read."""


class Stage(Turn):
    """Implements :class:`router.domain.turn.Turn`. ``watched``: conversations of which every event is kept.

    Sessions do not fall silent here: the day says when they end.
    """

    shard = DISPATCH
    shards = 1
    sender = None

    def __init__(self, set_timer: Callable[[str, int], None], watched: Collection[str]) -> None:
        self.at_ms = 0
        self.entry = "0-0"
        self.result: dict[str, str] = {}
        self.told: list[Any] = []
        self.events: list[Any] = []
        self.timers: dict[str, int] = {}
        self.rows: dict[str, dict[str, Any]] = {}
        self.watched = watched
        self.decisions: dict[str, list[DecisionMade]] = {}
        self.ledger = Ledger()
        self._set_timer = set_timer
        self._number = 0
        self._ids = 0
        self._at: datetime | None = None

    def begin(self, at_ms: int) -> None:
        """The next command, at that moment."""
        self._number = self._number + 1 if at_ms == self.at_ms else 0
        self.at_ms = at_ms
        self.entry = f"{at_ms}-{self._number}"
        self._at = None
        self.told = []
        self.events = []

    @property
    def at(self) -> datetime:
        if self._at is None:
            self._at = moment(self.at_ms)
        return self._at

    def get(self, table: Table[T], id: str) -> T | None:
        return self.rows.get(table.name, {}).get(id)

    def put(self, table: Table[T], id: str, value: T) -> None:
        if table.name not in UNKEPT:
            self.rows.setdefault(table.name, {})[id] = value

    def drop(self, table: Table[Any], id: str) -> None:
        self.rows.get(table.name, {}).pop(id, None)

    def new_id(self, kind: str) -> str:
        self._ids += 1
        return f"{kind}_{self._ids}"

    def event_id(self) -> str:
        return ""

    def push(self, name: str, id: str, item: str) -> None: ...

    def index(self, name: str, member: str, score: int) -> None: ...

    def unindex(self, name: str, member: str) -> None: ...

    def after(self, effect: object) -> None: ...

    def emit(self, event: msgspec.Struct) -> None:
        if isinstance(event, DecisionMade):
            if event.conversation in self.watched:
                self.decisions.setdefault(str(event.conversation), []).append(event)
        else:
            self.events.append(event)

    def tell(self, shard: str, command: msgspec.Struct) -> None:
        self.told.append(command)

    def timer(self, key: str, at_ms: int) -> None:
        if not key.startswith(SESSION):
            self.timers[key] = at_ms
            self._set_timer(key, at_ms)

    def clear_timer(self, key: str) -> None:
        self.timers.pop(key, None)
