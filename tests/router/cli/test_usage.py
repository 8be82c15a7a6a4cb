"""Commands that need nothing running: what they write, and how they refuse."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from router.cli.main import COMMANDS, main
from tests.router.cli.command import madoguchi


def test_no_command_shows_help_and_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert "usage: madoguchi" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["frobnicate"], ["token"], ["serve", "--role", "boss"], ["serve", "--processes", "0"], ["try", "fax"]]
)
def test_wrong_usage_is_2(words: list[str], tmp_path: Path) -> None:
    done = madoguchi(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_init_writes_a_file_that_checks_and_is_private(tmp_path: Path) -> None:
    assert madoguchi("init", cwd=tmp_path).returncode == 0
    file = tmp_path / "madoguchi.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    settings = tomllib.loads(file.read_text())
    assert len(settings["service"]["secret"]) == 64
    checked = madoguchi("check", "--offline", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    assert "fail" not in checked.stdout
    assert "account my-webchat" in checked.stdout


def test_init_overwrites_nothing_and_makes_another_secret_each_time(tmp_path: Path) -> None:
    madoguchi("init", "a.toml", cwd=tmp_path)
    before = (tmp_path / "a.toml").read_bytes()
    again = madoguchi("init", "a.toml", cwd=tmp_path)
    assert (again.returncode, (tmp_path / "a.toml").read_bytes()) == (1, before)
    assert "is there already" in again.stderr
    madoguchi("init", "b.toml", cwd=tmp_path)
    assert (tmp_path / "b.toml").read_bytes() != before


@pytest.mark.parametrize("command", [["serve"], ["token", "list"], ["streams"], ["accounts"]])
def test_wrong_configuration_is_told_in_a_sentence(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "madoguchi.toml").write_text('[store]\nurll = "redis://user:c4n4ry@db"\n')
    done = madoguchi(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert "madoguchi.toml, line 2, column 1: store.urll: unknown key; did you mean url?" in done.stderr
    assert "Traceback" not in done.stderr
    assert "c4n4ry" not in done.stderr + done.stdout


def test_a_policy_that_cannot_be_is_told_at_start(tmp_path: Path) -> None:
    (tmp_path / "madoguchi.toml").write_text('[[policy.rules]]\nname = "r"\nqueue = "defualt"\n')
    done = madoguchi("serve", cwd=tmp_path)
    assert done.returncode == 1
    assert "policy.rules[0].queue: there is no queue 'defualt'; did you mean 'default'?" in done.stderr
    assert not (tmp_path / "data" / "store").exists()


@pytest.mark.parametrize("command", [["token", "list"], ["streams"], ["agents", "list"], ["dead", "list"]])
def test_without_a_running_service_nothing_is_started(command: list[str], tmp_path: Path) -> None:
    done = madoguchi(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert "start it (madoguchi serve), or set store.url" in done.stderr
    assert not (tmp_path / "data").exists()


def test_store_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    done = madoguchi("token", "list", cwd=tmp_path, MADOGUCHI_STORE_URL="redis://user:c4n4ry@127.0.0.1:1/0")
    assert done.returncode == 1
    assert "the store does not answer" in done.stderr
    assert "c4n4ry" not in done.stderr


def test_check_tells_everything_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "madoguchi.toml").write_text(
        '[accounts.line]\nconnector = "line"\nchannel_secret = "c4n4ry"\n'
        '[accounts.fax]\nconnector = "fax"\n'
        '[policy]\ndefault_queue = "sales"\n'
    )
    done = madoguchi("check", "--offline", "--json", cwd=tmp_path)
    found = {(one["level"], one["what"]) for one in json.loads(done.stdout)}
    assert done.returncode == 1
    assert {("fail", "account line"), ("fail", "account fax"), ("fail", "policy")} <= found
    assert "c4n4ry" not in done.stdout


def test_health_check_of_nobody_fails(tmp_path: Path) -> None:
    done = madoguchi("check", "--health", "http://127.0.0.1:1", cwd=tmp_path)
    assert done.returncode == 1
    assert "does not answer" in done.stderr


def test_generated_files_are_fresh(tmp_path: Path) -> None:
    done = madoguchi("gen", "--check", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "everything is fresh\n"), done.stdout


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["madoguchi"]
    assert main(["--version"]) == 0
