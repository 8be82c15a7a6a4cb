"""Health says what is wrong, since when and why; readiness follows from what is needed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from router.observe.health import Health


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def test_not_ready_until_every_needed_part_works() -> None:
    health = Health("1", clock=Clock())
    store = health.component("store", "store", needed=True)
    assert not health.ready()
    store.ok(durability="disk")
    assert health.ready()
    store.failed("unreachable")
    assert not health.ready()


def test_broken_account_is_told_and_does_not_unready() -> None:
    clock = Clock()
    health = Health("1", clock=clock)
    health.component("store", "store", needed=True).ok(durability="disk")
    mail = health.component("mail", "account", connector="email", direction="in")
    mail.ok()
    clock.later(60)
    mail.failed("authentication refused")
    clock.later(60)
    mail.failed("authentication refused")
    report = health.report()
    assert report["ready"] is True
    assert report["store"]["durability"] == "disk"
    assert report["accounts"] == [
        {
            "name": "mail",
            "state": "failed",
            "since": "2026-11-21T09:01:00.000Z",
            "reason": "authentication refused",
            "last_ok": "2026-11-21T09:00:00.000Z",
            "connector": "email",
            "direction": "in",
        }
    ]


def test_since_counts_the_state_and_not_the_reason() -> None:
    clock = Clock()
    part = Health("1", clock=clock).component("mail", "account")
    part.failed("unreachable")
    clock.later(5)
    part.failed("authentication refused")
    assert part.as_json()["since"] == "2026-11-21T09:00:00.000Z"
    assert part.as_json()["reason"] == "authentication refused"
    part.ok()
    assert "reason" not in part.as_json()


def test_draining_is_not_ready() -> None:
    health = Health("1", clock=Clock())
    assert health.ready()
    health.draining = True
    assert not health.ready()
    assert health.report()["draining"] is True


def test_dead_when_the_loop_has_not_moved() -> None:
    clock = Clock()
    health = Health("1", clock=clock)
    health.beat = clock.now
    assert health.alive()
    clock.later(20)
    assert not health.alive()


def test_same_part_is_found_again_and_can_be_forgotten() -> None:
    health = Health("1", clock=Clock())
    assert health.component("mail", "account") is health.component("mail", "account")
    health.forget("mail", "account")
    assert health.report()["accounts"] == []
