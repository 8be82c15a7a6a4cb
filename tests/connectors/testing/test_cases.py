"""Case files and mutations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.testing import cases as case_files
from connectors.testing.mutate import hostile, mutated


def test_a_case_without_provenance_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.json").write_text('{"provenance": "", "body": {}}')
    with pytest.raises(case_files.BadCase, match="provenance"):
        case_files.inbound_cases(tmp_path)


def test_a_field_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.json").write_text('{"provenance": "made up here", "bodi": {}}')
    with pytest.raises(case_files.BadCase, match=r"x\.json.*bodi"):
        case_files.inbound_cases(tmp_path)


@pytest.mark.parametrize("make", [lambda body: list(hostile(body)), lambda body: [mutated(body, n) for n in range(50)]])
def test_mutations_are_the_same_every_time(make: Callable[[bytes], list[bytes]]) -> None:
    body = '{"a":[1,{"b":"あ"}]}'.encode()
    assert make(body) == make(body)
    assert len(set(make(body))) > 15
