"""Every log call in the service names events and fields that the gate lets through; else they would be lost."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from router.observe import events
from router.observe.fields import ALLOWED
from router.observe.log import _NAME

ROOT = Path(__file__).parents[3]
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
OURS = {"exc_info", "stack_info"}


def calls() -> Iterator[tuple[str, ast.Call]]:
    for package in ("router", "connectors"):
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_log(node.func):
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", node


def _is_log(function: ast.Attribute) -> bool:
    text = ast.unparse(function.value)
    logs = text in ("log", "self._log", "_log", "self.log") or "get_logger(" in text
    return logs and function.attr in METHODS | {"bind", "log"}


def test_there_are_log_calls() -> None:
    assert len(list(calls())) > 10


def test_fields_of_every_log_call_are_allowed() -> None:
    strange = [
        f"{place} {keyword.arg}"
        for place, call in calls()
        for keyword in call.keywords
        if keyword.arg is not None and keyword.arg not in ALLOWED | OURS
    ]
    assert strange == []


def test_literal_event_names_are_names() -> None:
    strange = [
        f"{place} {call.args[0].value}"
        for place, call in calls()
        if isinstance(call.func, ast.Attribute) and call.func.attr in METHODS
        and call.args and isinstance(call.args[0], ast.Constant) and not _NAME.match(str(call.args[0].value))
    ]  # fmt: skip
    assert strange == []


def test_events_are_names_and_each_is_spelt_once() -> None:
    names = [value for key, value in vars(events).items() if key.isupper()]
    assert all(_NAME.match(name) for name in names)
    assert len(set(names)) == len(names)
