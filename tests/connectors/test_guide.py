"""``connectors/GUIDE.md``: every command is run and every block of code is written, in a fresh environment."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from tests.servers.ports import free_ports

GUIDE: Final = Path(__file__).parents[2] / "connectors" / "GUIDE.md"
_MARK: Final = r"(?:<!-- (?P<word>\w+)(?:: (?P<file>\S+))? -->\n)?"
_BLOCK: Final = re.compile(_MARK + r"```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL)
LOADED: Final = """
import inspect
from connectors.registry import load
cls = load("tea")
print(cls.__module__, inspect.getfile(cls))
"""
KINDS: Final = {"console", "json", "diff"}


class Block(msgspec.Struct, frozen=True):
    """A block of the page. ``word`` says what is done with it, where that is not plain from its kind."""

    kind: str
    text: str
    word: str | None
    file: str | None


def blocks(text: str) -> list[Block]:
    """In the page's order."""
    return [Block(each["kind"], each["text"], each["word"], each["file"]) for each in _BLOCK.finditer(text)]


class Reader:
    """Somebody who does everything that the page says, in a folder and an environment of their own."""

    def __init__(self, home: Path) -> None:
        self.folder = home
        self.bin = environment(home / "venv")
        self.ports = dict(zip(("8080", "2590"), map(str, free_ports(2)), strict=True))
        self.beside: list[subprocess.Popen[bytes]] = []

    def environ(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("MADOGUCHI_")}
        return plain | {
            "PATH": f"{self.bin}{os.pathsep}{plain['PATH']}",
            "MADOGUCHI_HTTP_LISTEN": f"127.0.0.1:{self.ports['8080']}",
            "MADOGUCHI_SERVICE_PUBLIC_URL": f"http://127.0.0.1:{self.ports['8080']}",
            "MADOGUCHI_SERVICE_DRAIN_S": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INDEX": "1",
        }

    def does(self, block: Block) -> None:
        match block.kind, block.word:
            case "console", "beside":
                self.starts(block.text)
            case "console", _:
                self.types(block.text, fails=block.word == "fails")
            case "json", "file":
                assert block.file is not None
                (self.folder / block.file).write_text(block.text, "utf-8")
            case "diff", "change":
                assert block.file is not None
                self.changes(self.folder / block.file, block.text)
            case _:
                raise AssertionError(f"nobody knows what to do with {block}")

    def types(self, text: str, fails: bool) -> None:
        """Runs each command; the lines below it are what it prints, ``…`` for what may differ."""
        for piece in text.split("$ ")[1:]:
            command, _, expected = piece.partition("\n")
            if command.startswith("cd "):
                self.folder /= command[3:]
                continue
            done = subprocess.run(
                ["bash", "-c", self.ported(command)], cwd=self.folder, env=self.environ(), capture_output=True,
                text=True, timeout=60, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            told = done.stdout + done.stderr
            assert (done.returncode != 0) == fails, f"{command}\n{told}"
            assert re.search(pattern(expected), told, re.DOTALL), f"{command} printed\n{told}\nand not\n{expected}"

    def starts(self, text: str) -> None:
        command = self.ported(text.removeprefix("$ ").strip())
        # setsid, so that the whole of it can be ended
        self.beside.append(
            subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.environ(), start_new_session=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['8080']}/readyz", timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"{command} was never ready")

    def ported(self, command: str) -> str:
        """The command with ports that are free here."""
        command = command.replace("8080", self.ports["8080"])
        return command.replace("simulate-provider tea", f"simulate-provider tea --listen {self.ports['2590']}")

    def changes(self, file: Path, diff: str) -> None:
        lines = diff.splitlines(keepends=True)
        old, new = ("".join(line[1:] or "\n" for line in lines if line[0] != sign) for sign in "+-")
        text = file.read_text("utf-8")
        assert text.count(old) == 1, f"{file.name} has not exactly one place like\n{old}"
        file.write_text(text.replace(old, new), "utf-8")

    def ends(self) -> None:
        for process in self.beside:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)


def pattern(expected: str) -> str:
    return ".*".join(map(re.escape, expected.strip("\n").split("…")))


def environment(folder: Path) -> Path:
    """A fresh environment that sees the packages of this one, and has what is installed in it for itself."""
    venv.create(folder, with_pip=True)
    packages = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    (Path(packages) / "all_that_is_there.pth").write_text(
        f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    )
    program = folder / "bin" / "madoguchi"
    program.write_text(f"#!{folder}/bin/python\nfrom router.cli import main\nraise SystemExit(main())\n")
    program.chmod(0o755)
    return folder / "bin"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    found = Reader(tmp_path)
    try:
        yield found
    finally:
        found.ends()


@pytest.mark.store
@pytest.mark.timeout(110)
def test_everything_that_the_guide_says_is_so(reader: Reader) -> None:
    for block in blocks(GUIDE.read_text("utf-8")):
        reader.does(block)
    seen = subprocess.run(
        [str(reader.bin / "python"), "-c", LOADED], cwd="/", env=reader.environ(), capture_output=True, text=True,
        timeout=30,
    )  # fmt: skip
    module, file = seen.stdout.split()
    assert module == "madoguchi_tea.connector", seen.stderr
    assert str(reader.bin.parent) in file, "loaded from where pip has installed it"


def test_every_block_of_the_guide_is_one_that_the_test_does() -> None:
    found = blocks(GUIDE.read_text("utf-8"))
    assert len(found) == GUIDE.read_text("utf-8").count("\n```\n") and len(found) >= 10
    assert {block.kind for block in found} == KINDS
    assert all(block.file for block in found if block.kind in ("json", "diff"))


def test_an_expectation_has_teeth() -> None:
    assert re.search(pattern("✓ all … checks passed\n"), "✓ all 84 checks passed\n", re.DOTALL)
    assert not re.search(pattern("✓ all … checks passed\n"), "2 broken, 82 kept\n", re.DOTALL)
    assert sys.version_info >= (3, 11)
