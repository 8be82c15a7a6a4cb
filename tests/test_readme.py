"""The README's commands do what it says; its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.router.cli.command import Demonstration, demonstration, madoguchi

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
_TESTED = re.compile(r"<!-- tested -->\n```console\n(.*?)```", re.S)
_LINK = re.compile(r"\]\(([^)#]+)\)")


def commands() -> list[str]:
    """Every line of the blocks that are marked."""
    blocks = _TESTED.findall(README)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    with demonstration(tmp_path_factory.mktemp("readme")) as running:
        yield running


def test_there_are_commands_to_test() -> None:
    assert len(commands()) >= 10


@pytest.mark.store
@pytest.mark.timeout(60)
@pytest.mark.parametrize("command", commands())
def test_command_of_the_readme_works(service: Demonstration, command: str) -> None:
    program, *words = shlex.split(command)
    assert program == ".venv/bin/madoguchi"
    own = words[0] == "init" or "--config" in words
    done = madoguchi(*words, cwd=service.folder) if own else service.run(*words)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.store
def test_tried_messages_are_in_the_conversations(service: Demonstration) -> None:
    service.wait(lambda: len(service.get("/v1/conversations")["items"]) >= 2)


@pytest.mark.parametrize("link", sorted({link for link in _LINK.findall(README) if "://" not in link}))
def test_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_licence_of_the_email_extra_is_stated_plainly() -> None:
    assert "aioimaplib" in README
    assert "GPL-3.0-only" in README
