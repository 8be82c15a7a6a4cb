"""Listings: a table for people, JSON for programs."""

from __future__ import annotations

import argparse
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from contracts.codec import to_json

Row = dict[str, Any]


def json_option(parser: argparse.ArgumentParser) -> None:
    """Adds ``--json``."""
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")


def show(rows: Sequence[Row], as_json: bool, empty: str) -> None:
    """Prints the rows; ``empty`` when there are none. The first row's keys are the columns."""
    if as_json:
        print_json(rows)
    elif not rows:
        print(empty)
    else:
        _table(rows)


def print_json(value: Any) -> None:
    """One JSON document on one line."""
    print(to_json(value).decode())


def _table(rows: Sequence[Row]) -> None:
    names = list(rows[0])
    lines = [[name.replace("_", " ") for name in names], *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(names))]
    for line in lines:
        print("  ".join(_padded(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) or "-" if isinstance(value, list | tuple) else str(value)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Columns on a terminal: full-width characters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
