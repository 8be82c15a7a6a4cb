"""Policies from the command line: mistakes with line and column, differences, numbers, and the story of a routing."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts.policy import Calendar, Match, Need, Overflow, Policy, Queue, Rule, Sla
from router.cli.ask import get
from router.cli.failure import Failure, Misused
from router.cli.main import main
from router.cli.toml import toml
from router.cli.why import language_of
from tests.router.cli.command import Demonstration, demonstration

WRONG = """\
default_queue = "default"

[[queues]]
name = "default"
order = "longest"

[[queues]]
name = "night"
hours = "offise"
[calendars.office]
zone = "Asia/Tokyo"
"""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MADOGUCHI_CONFIG", raising=False)


def written(text: str, name: str = "policy.toml") -> str:
    Path(name).write_text(text, "utf-8")
    return name


def test_a_wrong_value_is_told_with_line_column_and_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", written(WRONG), "--offline"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "madoguchi: policy.toml, line 5, column 9: queues[0].order: invalid enum value 'longest'; "
        "did you mean longest_idle?"
    ]
    assert main(["policy", "check", written(WRONG.replace('"longest"', '"most_spare"')), "--offline"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "madoguchi: policy.toml, line 9, column 9: queues[1].hours: there is no calendar 'offise'; "
        "did you mean 'office'?"
    ]


def test_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", written(WRONG), "--offline", "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)["problems"]
    assert (row["path"], row["level"], row["line"], row["column"]) == ("queues.0.order", "error", 5, 9)


CONFIG = """\
[policy]
[[policy.rules]]
name = "gold"
queue = "default"
skills = [{ skill = "gold", level = 4 }]

[[agents]]
id = "ann"
name = "Ann"
skills = { gold = 2 }
"""


def test_the_configurations_policy_with_its_agents(capsys: pytest.CaptureFixture[str]) -> None:
    written(CONFIG, "madoguchi.toml")
    assert main(["policy", "check", "--offline"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0] == (
        "warning: madoguchi.toml, line 5, column 37: policy.rules[0].skills[0].level: nobody has 'gold' at level 4; "
        "the best has 2"
    )
    assert out[1].startswith("stranded: A chat at ")
    assert "would wait for ever in 'default': nobody who serves it has what is asked for (gold 4)" in out[1]
    assert out[2:] == [
        "    rule 'gold' decides",
        *[line for line in out[3:4] if line.endswith("it comes to 'default'")],
        "    in 'default' it stays for ever",
    ]


def test_a_good_policy(capsys: pytest.CaptureFixture[str]) -> None:
    written(CONFIG.replace("level = 4", "level = 1"), "madoguchi.toml")
    assert main(["policy", "check", "--offline"]) == 0
    assert capsys.readouterr().out == (
        "madoguchi.toml: 1 queues, 1 rules; nothing can be stranded with the configuration's agents (2 examples)\n"
    )


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["policy"], 2, "ACTION"),
        (["policy", "check", "none.toml"], 1, "none.toml: cannot be read (No such file or directory)"),
        (["policy", "rollback", "x"], 2, "invalid int value: 'x'"),
        (["why", "cv_00_x", "--language", "fr"], 2, "--language 'fr' is not spoken here; en and ja are"),
        (["why", "cv_00_x", "--limit", "0"], 2, "must be at least 1"),
        (["policy", "list"], 1, "no service with a store of its own runs"),
    ],
)
def test_bad_usage(words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        found = main(words)
    except SystemExit as error:
        found = int(str(error.code))
    assert found == code
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "environ", "language"),
    [
        (None, {"LANG": "ja_JP.UTF-8"}, "ja"),
        (None, {"LC_ALL": "en_GB.UTF-8", "LANG": "ja_JP.UTF-8"}, "en"),
        (None, {"LC_ALL": "", "LANG": "C"}, "en"),
        (None, {}, "en"),
        ("ja-JP", {}, "ja"),
        ("EN", {"LANG": "ja_JP.UTF-8"}, "en"),
    ],
)
def test_the_terminals_language(asked: str | None, environ: dict[str, str], language: str) -> None:
    assert language_of(asked, environ) == language


def test_no_other_language() -> None:
    with pytest.raises(Misused):
        language_of("japanese", {})


def test_what_is_shown_can_be_published_again() -> None:
    policy = Policy(
        queues=(Queue("default", hours="öffnung", overflow=(Overflow("closed", "message", text='a "b"'),)),),
        rules=(Rule("a b", Match(words=("\\", "\x7f", "改\n行")), skills=(Need("x", 2), Need("y", required=False))),),
        calendars={"öffnung": Calendar("UTC", {"mon": ("09:00-12:00",)}), "x": Calendar()},
        slas={"gold": Sla(60)},
        texts={'a "b"': {"en": "It's\tclosed"}},
    )
    assert msgspec.convert(tomllib.loads(toml(msgspec.to_builtins(policy))), Policy) == policy


# -- with a service that runs ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    with demonstration(tmp_path_factory.mktemp("policies")) as running:
        yield running


def told(service: Demonstration, *words: str, code: int = 0) -> str:
    done = service.run(*words)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def get_status(url: str) -> int:
    try:
        return get(url)[0]
    except Failure:
        return 0


def shown(service: Demonstration) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told(service, "policy", "show", "--json"))
    return found


@pytest.mark.store
def test_a_policy_is_published_compared_and_taken_back(service: Demonstration) -> None:
    before = shown(service)
    file = service.folder / "policy.toml"
    file.write_text(told(service, "policy", "show").replace("# policy", "presence_grace_s = 77\n# policy", 1), "utf-8")
    assert told(service, "policy", "diff", str(file)) == "presence_grace_s: 30 becomes 77\n"
    assert told(service, "policy", "publish", str(file), "--dry-run") == "presence_grace_s: 30 becomes 77\n"
    assert shown(service) == before
    said = told(service, "policy", "publish", str(file), "--why", "slow lines", "--expected", str(before["number"]))
    assert said.splitlines()[-1] == f"policy {before['number'] + 1} is in force"
    late = told(service, "policy", "publish", str(file), "--expected", str(before["number"]), code=1)
    assert f"policy {before['number'] + 1} is in force, not {before['number']}" in late
    latest = json.loads(told(service, "policy", "list", "--json"))[0]
    assert (latest["by"], latest["why"]) == ("cli", "slow lines")
    assert told(service, "policy", "rollback").splitlines()[0] == "presence_grace_s: 77 becomes 30"
    assert shown(service)["policy"] == before["policy"]
    assert "policy 99 is not kept; there are 1 to" in told(service, "policy", "rollback", "99", code=1)


@pytest.mark.store
def test_a_restart_does_not_undo_what_was_published(service: Demonstration) -> None:
    file = service.folder / "kept.toml"
    file.write_text("presence_grace_s = 78\n" + told(service, "policy", "show"), "utf-8")
    told(service, "policy", "publish", str(file))
    published = shown(service)
    assert service.stop() == 0
    service.start()
    service.wait(lambda: get_status(f"{service.url}/readyz") == 200)
    assert shown(service) == published
    assert told(service, "policy", "rollback").splitlines()[-1] == f"policy {published['number'] + 1} is in force"


@pytest.mark.store
def test_a_policy_that_strands_is_not_published_without_a_word(service: Demonstration) -> None:
    before = shown(service)
    file = service.folder / "stranding.toml"
    file.write_text('[[queues]]\nname = "default"\n[[rules]]\nname = "r"\nweight = 5000\nqueue = "default"\n', "utf-8")
    said = told(service, "policy", "publish", str(file), code=1)
    assert "it costs 5000 units, and nobody who could have it has so many" in said
    assert "nothing was published" in said
    assert shown(service) == before


@pytest.mark.store
def test_a_routing_is_told_within_a_second(service: Demonstration) -> None:
    known = {one["id"] for one in service.get("/v1/conversations")["items"]}
    assert service.run("try", "webhook").returncode == 0
    service.wait(lambda: {one["id"] for one in service.get("/v1/conversations")["items"]} - known)
    (id,) = {one["id"] for one in service.get("/v1/conversations")["items"]} - known
    began = time.monotonic()
    service.wait(lambda: service.get(f"/v1/conversations/{id}/why")["steps"], 1.0)
    assert time.monotonic() - began < 1
    english = told(service, "why", id, "--language", "en")
    assert "The conversation asked for an agent." in english
    assert "Policy " in english
    assert "会話が担当者を求めました。" in told(service, "why", id, "--language", "ja")
    assert json.loads(told(service, "why", id, "--json"))["steps"]
    assert "there is no conversation" in told(service, "why", "cv_00_none", code=1)
    assert "is no id of a conversation" in told(service, "why", "nonsense", code=1)
