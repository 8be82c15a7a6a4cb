"""What holds for all channels together: how large they are, how many cases they have, and who knows their names."""

from __future__ import annotations

import ast
import io
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

import pytest

from connectors.testing import cases as case_files

ROOT: Final = Path(__file__).parents[2]
POINTS: Final[dict[str, str]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"][
    "madoguchi.connectors"
]
FOLDERS: Final = {name: ROOT / Path(*value.partition(":")[0].split(".")) for name, value in POINTS.items()}
SIMULATED: Final = ("simulator.py", "simulate.py")
"""The provider's side; not what a connector is."""
LAYOUT: Final = frozenset({tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING})


def code_lines(text: str) -> int:
    """Lines of code: each statement once, however the formatter breaks it; no comments, docstrings, or empty lines."""
    count, line = 0, []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NEWLINE:
            count += [each.type for each in line] != [tokenize.STRING]
            line = []
        elif token.type not in LAYOUT:
            line.append(token)
    return count


def sizes() -> dict[str, int]:
    """Lines of code of each channel's own folder; what a family shares is its parent's."""
    return {
        name: sum(code_lines(file.read_text("utf-8")) for file in folder.rglob("*.py") if file.name not in SIMULATED)
        for name, folder in FOLDERS.items()
    }


def test_lines_are_counted_as_said() -> None:
    assert code_lines('"""Doc."""\n\n# why\nx = (\n    1,\n)\n\ndef f():\n    """Doc."""\n    return x\n') == 3


def test_connectors_are_small() -> None:
    found = sizes()
    shown = [f"{name:12}{lines:6}" for name, lines in sorted(found.items(), key=lambda each: each[1])]
    print("\n".join([*shown, f"{'median':12}{median(found.values()):6}"]))  # noqa: T201 - to be read with -s
    assert min(found.values()) < 80


CASES: Final = (ROOT / "tests" / "connectors").rglob("cases/answers.json")
CHANNELS: Final = sorted({path.parents[1] for path in CASES})


@pytest.mark.parametrize("folder", CHANNELS, ids=lambda folder: folder.name)
def test_our_channels_have_cases_enough(folder: Path) -> None:
    cases = folder / "cases"
    told, said = case_files.inbound_cases(cases), case_files.outbound_cases(cases)
    assert (len(told) >= 25, len(said) >= 15) == (True, True), f"{len(told)} inbound and {len(said)} outbound cases"


# -- who knows a channel's name ---------------------------------------------------------------------------------------

ORDINARY: Final = {"email", "webhook", "voice", "x"}
"""Words of our own too (a claim, a class of channels, a way of receiving, a letter): only imports are looked for."""
WORDS: Final = set(POINTS) - ORDINARY
ALLOWED: Final = {
    # The demonstration has accounts of its own, and shows what a newcomer would like to see first.
    ("router/cli/attempt.py", "line"), ("router/cli/catcher.py", "line"),
    ("router/console/pages.py", "webchat"), ("router/console/pages.py", "line"),
    # An example in the settings reference.
    ("router/settings/reference.py", "whatsapp"),
    # Words that only look like channels: a line of a file, a line of a drawing, the teams of a queue.
    ("router/cli/policy.py", "line"), ("router/rehearse/svg.py", "line"),
    ("router/domain/policy/people.py", "teams"),
}  # fmt: skip


def strangers() -> Iterator[tuple[str, str]]:
    """Where a channel's name stands as a word of its own, or its code is imported, outside of its family's folder."""
    for package in ("contracts", "connectors", "router"):
        for file in sorted((ROOT / package).rglob("*.py")):
            place = str(file.relative_to(ROOT))
            for name in known(ast.parse(file.read_text("utf-8"))):
                if not file.is_relative_to(FOLDERS[name]) and not is_channels(file):
                    yield place, name


def is_channels(file: Path) -> bool:
    """Is the file in some channel's or family's folder? (Those may use each other's names as plain words.)"""
    return any(file.is_relative_to(ROOT / "connectors" / each.relative_to(ROOT / "connectors").parts[0])
               for each in FOLDERS.values())  # fmt: skip


def known(tree: ast.Module) -> Iterator[str]:
    """The channels that a module names in its code."""
    modules = {value.partition(":")[0]: name for name, value in POINTS.items()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in WORDS:
            yield node.value
        imported = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        imported += [each.name for each in node.names] if isinstance(node, ast.Import) else []
        yield from (modules[each] for each in imported if each in modules)


def test_a_channel_is_known_to_nobody_but_itself() -> None:
    found = set(strangers())
    assert found - ALLOWED == set(), "adding a channel touches its own folder and its entry point, and nothing else"
    assert ALLOWED - found == set(), "no longer needed"


def test_a_name_would_be_found() -> None:
    assert list(known(ast.parse("if x == 'line': pass\nimport connectors.webhook"))) == ["webhook", "line"]
