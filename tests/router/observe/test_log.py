"""Nothing that a customer wrote, and no secret, can get into the log."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from connectors.api import Secret
from router.observe import events
from router.observe.log import Library, configure, tell_loop_error

CANARY = "c4n4ry-山田-0901234"


class Log:
    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.dropped: dict[str, int] = {}

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    log = Log()
    configure("debug", "json", log.dropped, log.stream)
    yield log
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def test_line_is_json_with_event_level_and_time_in_utc(log: Log) -> None:
    structlog.get_logger().info(events.MESSAGE_RECEIVED, account="line", message_id="m1")
    (line,) = log.lines
    assert line["event"] == "message.received"
    assert line["level"] == "info"
    assert line["at"].endswith("Z")
    assert (line["account"], line["message_id"]) == ("line", "m1")


@pytest.mark.parametrize("field", ["body", "text", "address", "token", "headers", "from_", "message_text", "sender"])
def test_field_that_is_not_listed_is_dropped_and_counted(log: Log, field: str) -> None:
    structlog.get_logger().warning(events.MESSAGE_FAILED, account="line", **{field: CANARY})
    assert CANARY not in log.text
    assert log.dropped == {field: 1}
    assert log.lines[0]["account"] == "line"


def test_context_passes_the_same_gate(log: Log) -> None:
    with structlog.contextvars.bound_contextvars(shard="c:01", text=CANARY):
        structlog.get_logger().bind(body=CANARY).info(events.SHARD_TAKEN)
    assert CANARY not in log.text
    assert log.lines[0]["shard"] == "c:01"


def test_prose_instead_of_a_name_is_not_written(log: Log) -> None:
    structlog.get_logger().info(f"got {CANARY} from somebody", count=1)
    assert CANARY not in log.text
    assert log.lines[0]["event"] == "log.prose"


def test_exception_is_told_without_its_message(log: Log) -> None:
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as cause:
            raise ValueError(f"cannot read {CANARY}") from cause
    except ValueError:
        structlog.get_logger().exception(events.REQUEST_FAILED)
    assert CANARY not in log.text
    assert log.lines[0]["error"] == "ValueError from KeyError"
    assert "test_log.py" in log.lines[0]["trace"]


def test_secret_in_an_allowed_field_is_stars(log: Log) -> None:
    structlog.get_logger().info(events.SERVICE_STARTED, url=Secret(CANARY), roles=[Secret(CANARY)])
    assert CANARY not in log.text
    assert log.lines[0]["url"] == "***"


def test_long_value_is_cut(log: Log) -> None:
    structlog.get_logger().info(events.SERVICE_STARTED, reason="x" * 5_000)
    assert len(log.text) < 1_000


def test_library_record_keeps_its_constant_template_only(log: Log) -> None:
    logging.getLogger("redis.connection").warning("cannot reach %s", CANARY)
    (line,) = log.lines
    assert line["event"] == "library.log"
    assert line["logger"] == "redis.connection"
    assert line["template"] == "cannot reach %s"
    assert CANARY not in log.text


def test_library_record_put_together_by_its_caller_loses_its_text(log: Log) -> None:
    logging.getLogger("aioimaplib").error(f"odd line {CANARY}")
    logging.getLogger("aioimaplib").error("odd line " + CANARY)
    logging.getLogger("aioimaplib").error("odd %s", CANARY, exc_info=ValueError(CANARY))
    assert CANARY not in log.text
    assert [line.get("template") for line in log.lines] == [None, None, "odd %s"]
    assert "test_log.py" in log.lines[0]["place"]


@pytest.mark.parametrize("name", ["aioimaplib", "redis", "aiosmtpd", "anything"])
def test_library_debug_is_off_even_when_ours_is_on(log: Log, name: str) -> None:
    logging.getLogger(name).debug("raw line")
    assert log.text == ""


@pytest.mark.parametrize("name", ["mail.log", "aiohttp.access"])
def test_library_that_logs_addresses_is_off(log: Log, name: str) -> None:
    logging.getLogger(name).info("sender %s", CANARY)
    assert log.text == ""


async def test_error_in_a_forgotten_task_is_told_without_its_message(log: Log) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(tell_loop_error)

    async def fails() -> None:
        raise RuntimeError(CANARY)

    forgotten = asyncio.create_task(fails())
    await asyncio.wait([forgotten])
    del forgotten
    await asyncio.sleep(0)
    assert "loop.error" in log.text
    assert "RuntimeError" in log.text
    assert CANARY not in log.text


def test_level_holds_back(log: Log) -> None:
    configure("warning", "json", log.dropped, log.stream)
    structlog.get_logger().info(events.SERVICE_STARTED)
    assert log.text == ""


def test_configuring_twice_writes_once(log: Log) -> None:
    configure("info", "json", log.dropped, log.stream)
    logging.getLogger("redis").warning("once")
    assert len(log.lines) == 1
    assert sum(isinstance(one, Library) for one in logging.getLogger().handlers) == 1


def test_text_form_has_no_json(log: Log) -> None:
    configure("info", "text", log.dropped, log.stream)
    structlog.get_logger().info(events.SERVICE_STARTED, body=CANARY, port=8080)
    assert "service.started" in log.text
    assert "{" not in log.text
    assert CANARY not in log.text
