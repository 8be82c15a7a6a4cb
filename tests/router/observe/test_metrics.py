"""Plain numbers become a page that Prometheus reads."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from router.observe.metrics import Metrics, described, page, registry_of


def _samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(page(registry_of(metrics)).decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_counter_tally_and_gauge() -> None:
    metrics = Metrics()
    metrics.commands += 3
    metrics.deliveries["line", "sent"] += 2
    metrics.log_dropped["body"] += 1
    metrics.gauges.add("backlog", "Commands waiting.", lambda: [(("c:00",), 7)], ("shard",))
    samples = _samples(metrics)
    assert samples["madoguchi_commands_total", ()] == 3
    assert samples["madoguchi_deliveries_total", (("account", "line"), ("outcome", "sent"))] == 2
    assert samples["madoguchi_log_dropped_total", (("field", "body"),)] == 1
    assert samples["madoguchi_backlog", (("shard", "c:00"),)] == 7


def test_histogram_is_cumulative() -> None:
    metrics = Metrics()
    for value in (0.0004, 0.004, 0.004, 60.0):
        metrics.commit_seconds.observe(value)
    samples = _samples(metrics)
    name = "madoguchi_commit_seconds_bucket"
    assert samples[name, (("le", "0.0005"),)] == 1
    assert samples[name, (("le", "0.005"),)] == 3
    assert samples[name, (("le", "+Inf"),)] == 4
    assert samples["madoguchi_commit_seconds_count", ()] == 4
    assert samples["madoguchi_commit_seconds_sum", ()] == 60.0084


def test_two_processes_of_one_interpreter_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    one.commands += 1
    one.requests["/v1", "200"] += 1
    one.batch_commands.observe(1)
    assert (other.commands, dict(other.requests), sum(other.batch_commands.counts)) == (0, {}, 0)


def test_every_metric_has_a_help_text_and_is_on_the_page() -> None:
    text = page(registry_of(Metrics())).decode()
    for name, kind, help in described():
        assert help.endswith(".")
        assert f"# TYPE {name} {kind}" in text


def test_process_memory_is_there() -> None:
    assert "process_resident_memory_bytes" in page(registry_of(Metrics())).decode()
