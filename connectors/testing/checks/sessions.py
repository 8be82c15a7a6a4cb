"""Sessions (a customer's WebSocket): a state machine that garbage cannot break."""

from __future__ import annotations

from typing import Any, Final

from connectors.api import Publish, Refused, SessionOpen
from connectors.testing import cases as case_files
from connectors.testing.subject import Subject, only, speaks

GARBAGE: Final = (
    "", " ", "null", "[]", "{}", "0", '"x"', "{", "[" * 100_000, '{"type":null}', '{"type":"nobody knows"}',
    '{"type":"message"}', '{"type":"message","text":0}', "\ud800", "\x00", "x" * 100_000,
)  # fmt: skip


class SessionChecks(Subject):
    """With ``opening()`` and ``frames``."""

    @only(speaks)
    def test_session_survives_garbage(self) -> None:
        session = self._session()
        list(session.opened())
        for frame in GARBAGE:
            list(session.frame(frame, case_files.NOW))

    @only(speaks)
    def test_session_publishes_what_a_customer_says(self) -> None:
        assert self.frames, "the test class has frames in which a customer says something"
        first, again = self._published(), self._published()
        assert first, "nothing was published of the frames"
        assert first == again, "said twice, it is the same message"

    def _published(self) -> list[Any]:
        """What the customer has said when all the frames have come, in their order."""
        session = self._session()
        done = [*session.opened(), *(each for frame in self.frames for each in session.frame(frame, case_files.NOW))]
        return [action.event for action in done if isinstance(action, Publish)]

    @only(speaks)
    def test_session_of_nobody_is_refused_or_empty(self) -> None:
        opened = self.made().session(SessionOpen({}, {}, case_files.NOW))
        if not isinstance(opened, Refused):
            said: Any = [action for action in opened.opened() if isinstance(action, Publish)]
            assert not said, "nobody has said something"

    def _session(self) -> Any:
        opened = self.made().session(self.opening())
        assert not isinstance(opened, Refused), opened
        return opened
