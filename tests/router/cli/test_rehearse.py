"""``madoguchi rehearse``: its README's commands, what it says, and what it says no to."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from router import rehearse
from router.cli.main import main
from router.cli.progress import Progress
from router.rehearse.labels import ENGLISH, JAPANESE

HOME = Path(rehearse.__file__).parent
README = (HOME / "README.md").read_text("utf-8")
DAY = ["--generate", "day.toml"]
BOTH = ["--policy", "new.toml", "--against", "old.toml"]


def commands() -> list[str]:
    (block,) = re.findall(r"<!-- tested -->\n```console\n(.*?)```", README, re.S)
    return [line.removeprefix("$ ") for line in block.splitlines()]


@pytest.fixture(autouse=True)
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for file in (HOME / "example").iterdir():
        shutil.copy(file, tmp_path)
    text = (tmp_path / "day.toml").read_text("utf-8")
    (tmp_path / "day.toml").write_text(text.replace("conversations = 1500", "conversations = 300"), "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MADOGUCHI_CONFIG", raising=False)
    monkeypatch.setenv("LANG", "C")
    return tmp_path


def test_the_commands_of_the_readme_work_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(commands()) == 5
    for command in commands():
        program, *words = shlex.split(command)
        assert (program, main(words)) == ("madoguchi", 0), capsys.readouterr().err
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (HOME / link).exists(), link


def test_figures_are_told_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", *BOTH, *DAY, "--limit", "3"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^had an agent +\d+ +\d+", out, re.M)
    assert re.search(r"^wait, 95 % ", out, re.M)
    assert re.search(r"^invoices +- > \d+", out, re.M)
    assert re.search(r"^cv_00_\d+ +chat, \S+, .* +invoices, ", out, re.M)
    assert "more; --limit shows them" in out


def test_the_same_policy_twice_differs_in_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", "--policy", "old.toml", "--against", "old.toml", *DAY]) == 0
    out = capsys.readouterr().out
    assert "both policies do the same with every conversation" in out
    assert not re.search(r"^\S.* [+-]\d", out, re.M)


def test_as_json_with_a_conversation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", *BOTH, *DAY, "--json", "--conversation", "cv_00_0000100"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["before"]["all"]["conversations"] == told["after"]["all"]["conversations"] > 300
    assert told["conversation"]["before"][0]["conversation"] == "cv_00_0000100"
    assert len(told["changes"]["all"]) <= 20


def test_one_conversation_in_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["rehearse", *BOTH, *DAY, "--limit", "0", "--conversation", "cv_00_0000100", "--language", "ja"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "cv_00_0000100, 変更前:" in out
    assert "会話が担当者を求めました。" in out


def test_a_recording_says_the_same_as_what_it_was_made_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", *BOTH, *DAY, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert main(["rehearse", *DAY, "--record", "a.jsonl", "--with-text"]) == 0
    assert "with what customers wrote" in capsys.readouterr().out
    assert main(["rehearse", *BOTH, "--from", "a.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == made


def test_without_texts_the_rules_that_read_them_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", *DAY, "--record", "a.jsonl"]) == 0
    assert "without what customers wrote" in capsys.readouterr().out
    assert "請求" not in Path("a.jsonl").read_text("utf-8")
    assert main(["rehearse", *BOTH, "--from", "a.jsonl"]) == 0
    assert "rules that look for words never hold: 'invoices'" in capsys.readouterr().out


@pytest.mark.parametrize("language", ["en", "ja"])
def test_pictures_are_well_formed_and_say_what_they_show(language: str) -> None:
    assert main(["rehearse", *BOTH, *DAY, "--svg", "a.svg", "--html", "a.html", "--language", language]) == 0
    root = ElementTree.fromstring(Path("a.svg").read_text("utf-8"))
    names = {"s": "http://www.w3.org/2000/svg"}
    labelled = root.get("aria-labelledby", "").split()
    assert {one.get("id") for one in root.findall("*") if one.get("id")} == set(labelled)
    assert len(root.findall(".//s:polyline[@class='line after']", names)) == 4  # three charts and the legend
    words = JAPANESE if language == "ja" else ENGLISH
    titles = [one.text for one in root.findall(".//s:text[@class='title']", names)]
    assert titles[:2] == [words["title"], words["chart_waits"]]
    page = Path("a.html").read_text("utf-8")
    assert f'<html lang="{language}">' in page
    assert "prefers-color-scheme: dark" in page


def test_both_languages_say_everything() -> None:
    fields = {name: set(re.findall(r"{(\w+)", text)) for name, text in ENGLISH.items()}
    assert fields == {name: set(re.findall(r"{(\w+)", text)) for name, text in JAPANESE.items()}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([], 2, "one of the arguments --from --generate is required"),
        (DAY, 2, "nothing to do: --policy FILE rehearses one, --record FILE keeps the traffic"),
        ([*DAY, "--from", "x"], 2, "not allowed with argument"),
        ([*BOTH, *DAY, "--within", "0"], 2, "--within is above 0"),
        ([*BOTH, *DAY, "--with-text"], 2, "--with-text belongs to --record"),
        ([*DAY, "--record", "a", "--html", "b"], 2, "need a --policy to rehearse"),
        ([*BOTH, *DAY, "--language", "fr"], 2, "en and ja are"),
        ([*BOTH, "--from", "none"], 1, "none cannot be read (No such file or directory)"),
        ([*BOTH, "--from", "day.toml"], 1, "day.toml: line 1: this is no recording"),
        ([*BOTH, "--from", "empty"], 1, "empty has no conversation that asked for an agent; try --generate -"),
        ([*BOTH, "--from", "cut"], 1, "cut: its last line is missing; the recording is not whole"),
        ([*BOTH, "--from", "newer"], 1, "newer: line 1: a recording of version 2; this program reads version 1"),
        ([*BOTH, "--from", "stream"], 1, "no service with a store of its own runs"),
        ([*BOTH, "--generate", "none.toml"], 1, "none.toml cannot be read"),
        (
            [*BOTH, "--generate", "typo.toml"],
            1,
            "typo.toml, line 1, column 1: conversatons: unknown key; did you mean conversations?",
        ),
        ([*BOTH, "--generate", "bad.toml"], 1, "bad.toml: days: at least one"),
        (["--policy", "wrong.toml", *DAY], 1, "wrong.toml, line 1"),
        (["--policy", "new.toml", "--against", "wrong.toml", *DAY], 1, "wrong.toml, line 1"),
        ([*BOTH, *DAY, "--conversation", "cv_00_x"], 1, "there is no conversation 'cv_00_x' in this traffic"),
        ([*BOTH, *DAY, "--html", "none/a.html"], 1, "none/a.html cannot be written"),
        ([*DAY, "--record", "none/a"], 1, "none/a cannot be written"),
    ],
)
def test_bad_usage(words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    head = '{"type":"head","format":"madoguchi-rehearsal","version":1}\n'
    Path("empty").write_text(head + '{"type":"end","acts":0,"cases":0}\n')
    Path("cut").write_text(head)
    Path("newer").write_text(head.replace(":1}", ":2}"))
    Path("typo.toml").write_text("conversatons = 3\n")
    Path("bad.toml").write_text("days = 0\n")
    Path("wrong.toml").write_text('default_queue = "none"\n')
    try:
        found = main(["rehearse", *words])
    except SystemExit as error:
        found = int(str(error.code))
    said = capsys.readouterr().err
    assert (found, says in said) == (code, True), said


class Terminal:
    """What was written to it."""

    def __init__(self, tty: bool) -> None:
        self.tty = tty
        self.said = ""

    def isatty(self) -> bool:
        return self.tty

    def write(self, text: str) -> int:
        self.said += text
        return len(text)

    def flush(self) -> None: ...


@pytest.mark.parametrize(("tty", "says"), [(True, "\r\x1b[Knew: 25 %\r\x1b[K"), (False, "new: 25 %\n")])
def test_progress_is_shown_for_what_takes_long(tty: bool, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out, now = Terminal(tty), [100.0]
    monkeypatch.setattr("router.cli.progress.time.monotonic", lambda: now[0])
    progress = Progress("new", out)  # type: ignore[arg-type]
    progress.told(1, 100)
    now[0] += 3
    progress.told(25, 100)
    progress.told(26, 100)
    progress.done()
    assert out.said == says
