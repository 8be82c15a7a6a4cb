"""A plugin of pytest: writes as JSON what the kit's rules came to, into the file that ``MADOGUCHI_JUDGED`` names."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.testing import ConnectorConformance
from router.cli.connectors.judged import TARGET, Judged


class Judge:
    """Listens to pytest's reports."""

    def __init__(self) -> None:
        self.judged = Judged()

    def pytest_collection_modifyitems(self, items: Sequence[Any]) -> None:
        classes = {getattr(item, "cls", None) for item in items}
        self.judged.kits = len([cls for cls in classes if cls is not None and issubclass(cls, ConnectorConformance)])

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.judged.broken[f"{report.nodeid} can be read"] = _last_line(str(report.longrepr))

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.judged.broken[rule(report.nodeid)] = _why(report)
        elif report.when == "call" and report.passed:
            self.judged.passed += 1

    def pytest_sessionfinish(self) -> None:
        Path(os.environ[TARGET]).write_bytes(msgspec.json.encode(self.judged))


def pytest_configure(config: pytest.Config) -> None:
    """Called by pytest as it loads this module."""
    config.pluginmanager.register(Judge())


def rule(nodeid: str) -> str:
    """``tests/test_acme.py::TestAcme::test_batches_keep_order[x]`` as "batches keep order [x]"."""
    name = nodeid.rpartition("::")[2]
    check, _, case = name.partition("[")
    return re.sub("_", " ", check.removeprefix("test_")) + (f" [{case}" if case else "")


def _why(report: Any) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message) if crash is not None else _last_line(str(report.longrepr))


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")
