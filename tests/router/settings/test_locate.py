"""Everything that tomllib reads is found where it stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from router.settings.locate import Spot, spot_of
from router.settings.problem import Path
from router.settings.reference import example

ODD = """\
# a comment with [brackets] and "quotes"
plain = 1 # [x]
'quo.ted'."in ner" = [1, [2, "]"], { a = "}", b.c = 3 }] # end
text = \"\"\"
[not.a.table]
key = "no"\\
\"\"\"
raw = '''a'b''c'''
[a.b]
"é" = 2026-11-21T09:30:00Z
[[a.list]]
x = 1
  [[a.list.deep]]
  y = [
    # why
    "one",
    'two', # because
  ]
[[a.list]]
x = -2.5e3
"""


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*path, number))
    else:
        yield path, value


@pytest.mark.parametrize("text", [ODD, re.sub(r"(?m)^#(?=\S)", "", example())], ids=["odd", "example"])
def test_every_value_is_found_where_it_stands(text: str) -> None:
    lines = text.split("\n")
    found = list(leaves(tomllib.loads(text)))
    assert len(found) > 10
    for path, value in found:
        spot = spot_of(text, path)
        assert spot is not None, path
        rest = "\n".join((lines[spot.line - 1][spot.column - 1 :], *lines[spot.line :]))
        assert read(rest) == value, path


def read(rest: str) -> Any:
    """The value that the text begins with."""
    ends = (number for number in range(1, len(rest) + 1) if number == len(rest) or rest[number] in ",]}\n #")
    for end in ends:
        try:
            return tomllib.loads(f"value = {rest[:end]}")["value"]
        except tomllib.TOMLDecodeError:
            continue
    raise AssertionError(rest[:40])


@pytest.mark.parametrize(
    ("path", "of_key", "spot"),
    [
        (("plain",), True, Spot(2, 1)),
        (("plain",), False, Spot(2, 9)),
        (("a", "list", 1, "x"), True, Spot(20, 1)),
        (("a", "list", 0), False, Spot(11, 1)),
        (("a", "list", 0, "missing"), False, Spot(11, 1)),
        (("quo.ted", "in ner", 2, "b", "c"), True, Spot(3, 47)),
        (("nowhere",), False, None),
    ],
)
def test_keys_tables_and_what_is_not_there(path: Path, of_key: bool, spot: Spot | None) -> None:
    assert spot_of(ODD, path, of_key=of_key) == spot
