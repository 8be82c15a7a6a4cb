"""How each part of the process is: since when, and why. What ``/healthz`` and ``/readyz`` answer from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import structlog

from contracts.codec import iso
from router.observe import events

State = Literal["starting", "ok", "degraded", "failed"]
Kind = Literal["store", "shards", "account", "task", "listener", "enricher", "part"]
Clock = Callable[[], datetime]
_STALE_S = 15.0


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Component:
    """One part. ``needed``: without it the process is not ready. Reasons come from closed vocabularies."""

    name: str
    kind: Kind
    needed: bool
    clock: Clock
    since: datetime
    state: State = "starting"
    reason: str | None = None
    last_ok: datetime | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def ok(self, **details: Any) -> None:
        """It works, as of now."""
        self.last_ok = self.clock()
        self._turn("ok", None, details)

    def degraded(self, reason: str, **details: Any) -> None:
        """It works in part, or goes on trying."""
        self._turn("degraded", reason, details)

    def failed(self, reason: str, **details: Any) -> None:
        """It does not work."""
        self._turn("failed", reason, details)

    def _turn(self, state: State, reason: str | None, details: dict[str, Any]) -> None:
        self.details.update(details)
        if (state, reason) != (self.state, self.reason):
            self.since = self.clock() if state != self.state else self.since
            first = self.state == "starting"
            self.state, self.reason = state, reason
            _tell(self, first)

    def as_json(self) -> dict[str, Any]:
        """For ``/readyz``; times in UTC, ISO 8601."""
        told: dict[str, Any] = {"name": self.name, "state": self.state, "since": iso(self.since)}
        told |= {"reason": self.reason} if self.reason else {}
        told |= {"last_ok": iso(self.last_ok)} if self.last_ok else {}
        return told | self.details


def _tell(component: Component, first: bool) -> None:
    log = structlog.get_logger().bind(kind=component.kind, name=component.name, reason=component.reason)
    if component.state == "ok":
        # That something works from the start is no news.
        log.log(logging.DEBUG if first else logging.INFO, events.COMPONENT_OK)
    elif component.state == "degraded":
        log.warning(events.COMPONENT_DEGRADED)
    elif component.state == "failed":
        log.error(events.COMPONENT_FAILED)


class Health:
    """Every part of the process by kind and name. ``draining`` is set when the process was told to stop."""

    def __init__(self, version: str, roles: tuple[str, ...] = (), clock: Clock = _now) -> None:
        self.draining = False
        self.beat: datetime | None = None
        """The event loop's last sign of life."""
        self._clock = clock
        self._started = clock()
        self._about = {"version": version, "roles": list(roles)}
        self._components: dict[tuple[str, str], Component] = {}

    def component(self, name: str, kind: Kind = "part", *, needed: bool = False, **details: Any) -> Component:
        """The part of that kind and name, made when it is new. For an account give ``connector`` and ``direction``."""
        known = self._components.get((kind, name))
        if known is None:
            known = Component(name, kind, needed, self._clock, self._clock())
            self._components[kind, name] = known
        known.details.update(details)
        return known

    def forget(self, name: str, kind: Kind) -> None:
        """The part is no longer there."""
        self._components.pop((kind, name), None)

    def of_kind(self, kind: Kind) -> Iterator[Component]:
        """All parts of a kind, by name."""
        return (self._components[key] for key in sorted(self._components) if key[0] == kind)

    def ready(self) -> bool:
        """May it be given traffic? Every needed part works, at least in part, and it is not draining."""
        needed = (one for one in self._components.values() if one.needed)
        return not self.draining and all(one.state in ("ok", "degraded") for one in needed)

    def alive(self) -> bool:
        """Has the event loop moved lately?"""
        return self.beat is None or (self._clock() - self.beat).total_seconds() < _STALE_S

    def report(self) -> dict[str, Any]:
        """What ``/readyz`` tells."""
        uptime = round((self._clock() - self._started).total_seconds())
        told: dict[str, Any] = {"ready": self.ready(), "draining": self.draining, **self._about, "uptime_s": uptime}
        told |= {name: one.as_json() for name in ("store", "shards") if (one := self._single(name))}
        for plural, kinds in _LISTS.items():
            told[plural] = [one.as_json() for kind in kinds for one in self.of_kind(kind)]
        return told

    def _single(self, kind: str) -> Component | None:
        return next((one for key, one in self._components.items() if key[0] == kind), None)


_LISTS: dict[str, tuple[Kind, ...]] = {
    "accounts": ("account",),
    "listeners": ("listener",),
    "enrichers": ("enricher",),
    "tasks": ("task",),
    "parts": ("part",),
}
