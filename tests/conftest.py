"""What holds for every test: one that needs a browser is skipped, and says so, where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Debian's Chromium is what ``deploy/test-tools.sh`` installs."""
    if CHROMIUM.exists():
        return
    for item in items:
        if item.get_closest_marker("browser") is not None:
            item.add_marker(pytest.mark.skip(reason=f"{CHROMIUM} is not there: apt-get install chromium"))
