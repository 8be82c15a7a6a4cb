"""Every metric, spelt once: plain numbers that the hot path adds to, read only when somebody asks ``/metrics``.

Each process has its own page; Prometheus adds them up. ``metrics.commands += 1`` costs some 30 ns, and so does
``metrics.deliveries["line", "sent"] += 1``, twice.
"""

# A metric is one line, so `field(...)` is called by a shorter name.
# ruff: noqa: RUF009

from __future__ import annotations

import bisect
import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

PREFIX: Final = "madoguchi_"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_SIZES: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)

Tally = defaultdict[Any, int]
"""Counts by label: one text, or a tuple of texts. Labels are names from code and configuration, never from outside."""
Sample = tuple[tuple[str, ...], float]


class Histogram:
    """Counts by size; ``observe`` costs some 200 ns."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Counts one value, in the unit of the metric's name."""
        self.counts[bisect.bisect_left(self.bounds, value)] += 1
        self.total += value


def _count(help: str) -> Any:
    return field(default=0, metadata={"help": help})


def _tally(help: str, *labels: str) -> Any:
    return field(default_factory=lambda: defaultdict(int), metadata={"help": help, "labels": labels})


def _histogram(help: str, bounds: tuple[float, ...]) -> Any:
    return field(default_factory=lambda: Histogram(bounds), metadata={"help": help})


@dataclass(slots=True)
class Metrics:
    """The counters of one process. A field's name is the metric's, after ``madoguchi_``; counters end in ``_total``."""

    # Intake
    intake: Tally = _tally("Requests of providers, by account and our answer's status.", "account", "status")
    intake_seconds: Histogram = _histogram("From a request's arrival to its answer.", _SECONDS)
    received: Tally = _tally("Events taken in (messages, receipts, ...), by account.", "account")
    sessions_opened: int = _count("Visitors' WebSockets opened.")
    # Shards
    commands: int = _count("Commands carried out.")
    command_retries: int = _count("Commands begun again since a value had to be loaded first.")
    commands_refused: int = _count("Commands refused by the rules.")
    dead_letters: int = _count("Commands set aside since they could not be carried out.")
    duplicates: int = _count("Messages and commands seen before, and passed over.")
    events: int = _count("Events emitted.")
    relayed: int = _count("Commands relayed to another shard.")
    timers: int = _count("Timers that came due.")
    commits: int = _count("Commits.")
    commit_seconds: Histogram = _histogram("Duration of commits.", _SECONDS)
    batch_commands: Histogram = _histogram("Commands in one commit.", _SIZES)
    loads: int = _count("Values loaded from the store.")
    shards_taken: int = _count("Shards taken over.")
    shards_lost: int = _count("Shards lost to another worker, or given up.")
    # Delivery and media
    deliveries: Tally = _tally("Attempts to send, by account and outcome.", "account", "outcome")
    delivery_seconds: Histogram = _histogram("Duration of an attempt to send.", _SECONDS)
    media: Tally = _tally("Attachments fetched, by account and outcome.", "account", "outcome")
    # Enrichers
    enrichments: Tally = _tally("Questions to enrichers, by enricher and outcome.", "enricher", "outcome")
    enrich_seconds: Histogram = _histogram("Duration of questions that were not answered from the cache.", _SECONDS)
    # API
    requests: Tally = _tally("API requests, by route and status.", "route", "status")
    request_seconds: Histogram = _histogram("Duration of API requests.", _SECONDS)
    # The process itself
    loop_stalls: int = _count("Times the event loop stood still for about 50 ms or more.")
    loop_stall_seconds: Histogram = _histogram("How long it did.", _SECONDS)
    task_restarts: Tally = _tally("Supervised tasks started again, by kind.", "kind")
    log_dropped: Tally = _tally("Fields kept out of the log, by name.", "field")
    gauges: Gauges = field(default_factory=lambda: Gauges())


class Gauges:
    """What is asked at the time: each a function that gives label values and a number."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[str, tuple[str, ...], Callable[[], Iterable[Sample]]]] = {}

    def add(self, name: str, help: str, ask: Callable[[], Iterable[Sample]], labels: tuple[str, ...] = ()) -> None:
        """``ask`` must be quick and do no IO. Without labels it gives one ``((), value)``."""
        self._asked[name] = (help, labels, ask)

    def families(self) -> Iterator[Metric]:
        """As Prometheus takes them."""
        for name, (help, labels, ask) in self._asked.items():
            family = GaugeMetricFamily(PREFIX + name, help, labels=labels)
            for values, number in ask():
                family.add_metric(values, number)
            yield family


class _Page(Collector):
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        for one in dataclasses.fields(self._metrics):
            value = getattr(self._metrics, one.name)
            if not isinstance(value, Gauges):
                yield _family(PREFIX + one.name, one.metadata, value)
        yield from self._metrics.gauges.families()


def _family(name: str, about: Any, value: Any) -> Metric:
    if isinstance(value, Histogram):
        return _distribution(name, about["help"], value)
    labels = about.get("labels", ())
    family = CounterMetricFamily(name, about["help"], labels=labels)
    if isinstance(value, int):
        family.add_metric((), value)
        return family
    for key, count in list(value.items()):
        family.add_metric([str(part) for part in (key if isinstance(key, tuple) else (key,))], count)
    return family


def _distribution(name: str, help: str, value: Histogram) -> Metric:
    so_far = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip([*map(str, value.bounds), "+Inf"], value.counts, strict=True):
        so_far += count
        buckets.append((bound, so_far))
    family = HistogramMetricFamily(name, help)
    family.add_metric((), buckets=buckets, sum_value=value.total)
    return family


def registry_of(metrics: Metrics) -> CollectorRegistry:
    """What ``/metrics`` shows: ours, and the process's memory, processor time and open files."""
    registry = CollectorRegistry()
    registry.register(_Page(metrics))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def page(registry: CollectorRegistry) -> bytes:
    """The page, as text of :data:`CONTENT_TYPE`."""
    return generate_latest(registry)


def described() -> list[tuple[str, str, str]]:
    """Name, type and help of every metric, for the reference page."""
    return [(f"{PREFIX}{one.name}{_suffix(one)}", _kind(one), one.metadata["help"]) for one in _described()]


def _described() -> list[Any]:
    return [one for one in dataclasses.fields(Metrics) if "help" in one.metadata]


def _kind(one: Any) -> str:
    return "histogram" if one.type == "Histogram" else "counter"


def _suffix(one: Any) -> str:
    return "" if _kind(one) == "histogram" else "_total"
