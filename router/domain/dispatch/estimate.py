"""How long some work will wait, from how its queue has been moving."""

from __future__ import annotations

from typing import Final

from router.domain.dispatch.desk import Desk
from router.domain.dispatch.pace import wait_ms
from router.domain.dispatch.seat import ELIGIBLE
from router.domain.dispatch.work import Demand, Work

AT_WORK: Final = frozenset({ELIGIBLE, "no_capacity", "class_limit", "exclusive", "shift_ending"})
"""How somebody stands who works: they can take something, or could if they had room."""


def at_work(desk: Desk, queue: str) -> int:
    """How many agents who serve the queue are handing it out."""
    counts = desk.rooms.room(Demand(queue)).counts(0)
    return sum(number for reason, number in counts.items() if reason in AT_WORK)


def predicted_s(desk: Desk, work: Work, at_ms: int) -> int | None:
    """Seconds until its turn comes, at the place that it has in its line or would have there. None: its queue keeps no
    record, is closed or has nobody at work, or too little has happened yet."""
    pace = desk.hall.paces.get(work.queue)
    if pace is None or work.queue in desk.hall.closed:
        return None
    found = wait_ms(
        pace, desk.lines.position(work), at_ms, at_work(desk, work.queue), silent=desk.lines.length(work.queue) > 0
    )
    return None if found is None else -(-found // 1000)
