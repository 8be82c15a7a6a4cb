"""What is known of the queues beside who waits in them: which are open, how fast they move, and what those who wait
were told. Only queues that ask for it are in here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sortedcontainers import SortedList

from contracts.policy import Queue
from router.domain.dispatch.news import News
from router.domain.dispatch.opening import Opening
from router.domain.dispatch.pace import Pace
from router.domain.dispatch.work import Work


class Hall:
    """``wheels``: for each queue, whom to tell next, by the time at which they are due."""

    def __init__(
        self,
        openings: Mapping[str, Opening] | None = None,
        paces: Mapping[str, Pace] | None = None,
        news: Mapping[str, News] | None = None,
    ) -> None:
        self.openings = dict(openings or {})
        self.paces = dict(paces or {})
        self.news = dict(news or {})
        self.closed: frozenset[str] = frozenset()
        """The queues that are closed now."""
        self.wheels: dict[str, SortedList[tuple[int, str]]] = {}

    def arrange(self, queues: Mapping[str, Queue], work: Mapping[str, Work]) -> None:
        """Makes anew what follows from the policy and the rows."""
        self.shut(queues.values())
        due: dict[str, list[tuple[int, str]]] = {name: [] for name, queue in queues.items() if queue.announce}
        for conversation, news in self.news.items():
            item = work.get(conversation)
            if item is not None and item.state == "waiting" and item.queue == news.queue and news.queue in due:
                due[news.queue].append((news.due_ms, conversation))
        self.wheels = {name: SortedList(entries) for name, entries in due.items()}

    def shut(self, queues: Iterable[Queue]) -> None:
        """Which queues are closed, as their calendars stand."""
        shut = {name for name, opening in self.openings.items() if not opening.open}
        self.closed = frozenset(queue.name for queue in queues if queue.hours in shut) if shut else frozenset()

    def put_news(self, conversation: str, news: News) -> None:
        """What a customer is told next, and when."""
        self.pause_news(conversation)
        self.news[conversation] = news
        self.wheels[news.queue].add((news.due_ms, conversation))

    def pause_news(self, conversation: str) -> None:
        """They do not wait just now."""
        news = self.news.get(conversation)
        wheel = self.wheels.get(news.queue) if news is not None else None
        if news is not None and wheel is not None:
            wheel.discard((news.due_ms, conversation))
