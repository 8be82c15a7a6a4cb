"""``madoguchi connectors`` and ``madoguchi simulate-provider``: what they show, write, judge and refuse."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.registry import load, names, settings_of, simulator_of
from contracts.inbound import InboundMessage
from router.cli.connectors.making import package
from router.cli.connectors.matrix import page
from router.cli.gen import own
from router.cli.main import main
from tests.router.cli.command import madoguchi

ROOT = Path(__file__).parents[3]


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What a command prints, on either stream, within this process."""
    assert main(list(words)) == code
    out, err = capsys.readouterr()
    return out + err


# -- list -------------------------------------------------------------------------------------------------------------


def test_list_shows_every_channel(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "connectors", "list")
    assert all(re.search(rf"^{name} ", shown, re.M) for name in names())


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["channel"]: row for row in json.loads(said(capsys, "connectors", "list", "--json"))}
    assert set(rows) == set(names())
    assert rows["line"]["carries"]["text"] == "native" and rows["line"]["simulator"] is True


def test_one_channel_with_its_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "connectors", "list", "line")
    assert "reaction: refused (LINE has no reactions" in shown
    row = json.loads(said(capsys, "connectors", "list", "line", "--json"))
    assert "LINE has no reactions" in row["notes"]["reaction"]


def test_an_unknown_channel_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'line'?" in said(capsys, "connectors", "list", "lime", code=1)


def test_a_part_of_a_name_is_nearer_than_a_word_like_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'twilio_sms'?" in said(capsys, "connectors", "list", "sms", code=1)


def test_the_matrix_has_a_column_for_each_channel() -> None:
    text = page(own(ROOT / "pyproject.toml"))
    assert (ROOT / "connectors" / "MATRIX.md").read_text("utf-8") == text, "madoguchi gen writes it"
    for cls in own(ROOT / "pyproject.toml"):
        assert f" {cls.manifest.name} |" in text


def test_no_action_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert "needs one of list, check, new" in said(capsys, "connectors", code=2)


# -- new and check ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package as ``new`` writes it."""
    folder = tmp_path_factory.mktemp("new")
    done = madoguchi("connectors", "new", "acme_sms", "--title", "アクメ SMS", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "madoguchi-acme-sms"


def code_lines(file: Path) -> int:
    return sum(1 for line in file.read_text("utf-8").splitlines() if line.strip() and not line.strip().startswith("#"))


def test_new_is_small(made: Path) -> None:
    connector, test = made / "madoguchi_acme_sms" / "connector.py", made / "madoguchi_acme_sms/tests/test_acme_sms.py"
    assert code_lines(connector) < 80
    assert len(test.read_text("utf-8").splitlines()) < 30
    assert "madoguchi connectors check ." in (made / ".github/workflows/check.yml").read_text("utf-8")
    assert not re.findall(r"\{(?:name|class|title|module|dashed)\}", "".join(package("acme_sms").values()))


def test_new_passes_the_kit(made: Path) -> None:
    done = madoguchi("connectors", "check", str(made), cwd=made.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"✓ all \d+ checks passed\n", done.stdout)


def test_check_names_the_broken_rule_and_why(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "madoguchi-acme-sms"
    for file in made.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            target = folder / file.relative_to(made)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    code = folder / "madoguchi_acme_sms" / "connector.py"
    code.write_text(code.read_text("utf-8").replace("good = equal(", "good = request.headers and any(").replace(
        "wanted, request.headers.get(\"x-signature\"))", "[wanted])"))  # fmt: skip
    done = madoguchi("connectors", "check", ".", "--json", cwd=folder)
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert {"forged is refused", "one bit flipped is refused", "another accounts signature is refused"} <= {
        each["rule"] for each in told["broken"]
    }
    assert "another account takes our provider's request" in json.dumps(told)
    plain = madoguchi("connectors", "check", ".", cwd=folder)
    assert "✗ forged is refused" in plain.stdout and re.search(r"^\d+ broken, \d+ kept$", plain.stdout, re.M)


def test_check_of_an_installed_channel_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert "checks passed" in said(capsys, "connectors", "check", "webhook")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["new", "Acme"], 2, "lower-case letters"),
        (["new", "line"], 2, "installed already"),
        (["new", "class"], 2, "cannot be a channel's name"),
        (["new", "acme", "--title", 'a"b'], 2, "cannot be a title"),
        (["new", "acme", "--into", "."], 1, "is there already"),
        (["new", "acme", "--into", "/proc/nowhere/acme"], 1, "cannot be written"),
        (["check", "no-such-package"], 1, "is no folder, no installed package and no channel"),
        (["check", "json"], 1, "inherits connectors.testing.ConnectorConformance"),
    ],
)
def test_wrong_words_are_answered_with_what_would_be_right(
    words: list[str], code: int, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert sentence in said(capsys, "connectors", *words, code=code)
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text("import nothing_like_this\n")
    done = madoguchi("connectors", "check", ".", cwd=tmp_path)
    assert done.returncode == 1 and "nothing_like_this" in done.stdout


# -- simulate-provider ------------------------------------------------------------------------------------------------

TO = "http://127.0.0.1:9/in/my-line"


def test_the_account_that_a_service_needs(capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "simulate-provider", "line", "--to", TO, "--settings")
    assert shown.startswith('[accounts.my-line]\nconnector = "line"\n')
    assert 'api_base = "http://127.0.0.1:2590"' in shown


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["lime", "--to", TO], 1, "did you mean 'line'?"),
        (["webchat", "--to", TO], 1, "has no fake provider"),
        (["line", "--to", "127.0.0.1:8080"], 2, "should be an account's webhook"),
        (["line", "--to", TO, "--listen", "0"], 2, "a port from 1 to 65535"),
        (["line", "--to", TO, "--speed", "0"], 2, "--speed"),
        (["line", "--to", TO, "--lose", "-1"], 2, "--lose"),
        (["line", "--to", TO, "--account", "nobody", "--quickstart"], 1, "no account 'nobody'"),
        (["line", "--to", TO, "--account", "web", "--quickstart"], 1, "is one of webchat, not of line"),
    ],
)
def test_simulate_provider_refuses(
    words: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in said(capsys, "simulate-provider", *words, code=code)


@pytest.mark.parametrize("name", [name for name in names() if name not in ("email", "webchat")])
def test_a_provider_that_is_started_again_gives_no_id_twice(name: str) -> None:
    first, second = (told(load(name), begin) for begin in (1_800_000_000, 1_800_000_060))
    assert first and first.isdisjoint(second), "the second run is dropped as known; begin() moves a counter of its own"


def told(cls: Any, begin: int) -> set[str]:
    """The ids of what a customer says at that time, by a provider whose numbers begin so."""
    maker, now = simulator_of(cls), datetime.fromtimestamp(begin, UTC)
    settings = settings_of(cls, maker.sample("http://127.0.0.1:9"), "a")
    simulator = maker(settings, "http://127.0.0.1:8/in/a")
    simulator.begin(begin)
    simulator.say("x", now)
    parsed = cls("a", settings).parse(simulator.due(now)[0].request)
    return {event.provider_id for event in parsed.events if isinstance(event, InboundMessage)}


def test_a_service_that_is_away_is_told(capsys: pytest.CaptureFixture[str], unused_tcp_port: int) -> None:
    words = ["--listen", str(unused_tcp_port), "--for", "0.2", "--say", "もしもし"]
    shown = said(capsys, "simulate-provider", "line", "--to", TO, *words, code=1)
    assert "nothing was taken" in shown and "does the service run" in shown


def test_every_simulator_gives_an_account_that_loads(capsys: pytest.CaptureFixture[str]) -> None:
    for name in names():
        cls: Any = load(name)
        if cls.simulator is not None:
            shown = said(capsys, "simulate-provider", name, "--to", f"http://127.0.0.1:9/in/{name}", "--settings")
            assert f'connector = "{name}"' in shown
