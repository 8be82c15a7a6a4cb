"""Connectors are found by name, and settings are read strictly."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import msgspec
import pytest

from connectors import registry
from connectors.api import Connector, Manifest, Secret
from connectors.line import LineConnector


class Settings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    token: Secret
    more: tuple[Secret, ...] = ()
    maybe: Secret | None = None
    port: int = 1


class Example(Connector[Settings]):
    manifest = Manifest(name="example", title="E", title_ja="E", channel_class="custom", carries={})
    Settings = Settings


class Old(Example):
    manifest = msgspec.structs.replace(Example.manifest, api_version=99)


def installed(monkeypatch: pytest.MonkeyPatch, **points: str) -> None:
    found = [EntryPoint(name, value, registry.GROUP) for name, value in points.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: found)
    monkeypatch.setitem(sys.modules, "registry_examples", sys.modules[__name__])


def test_the_built_in_ones_are_found() -> None:
    assert set(registry.names()) >= {"line", "webhook", "webchat", "email"}
    assert registry.load("line") is LineConnector


def test_an_unknown_name_tells_the_nearest() -> None:
    with pytest.raises(registry.UnknownConnector, match="'lime'; did you mean 'line'"):
        registry.load("lime")
    with pytest.raises(registry.UnknownConnector, match="there are"):
        registry.load("zzzzzz")


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        ("not_there:X", registry.MissingExtra, "not_there"),
        ("registry_examples:Nothing", registry.UnfitConnector, "does not exist"),
        ("registry_examples:Settings", registry.UnfitConnector, "no subclass"),
        ("registry_examples:Old", registry.UnfitConnector, "interface 99"),
    ],
)
def test_what_does_not_fit(monkeypatch: pytest.MonkeyPatch, value: str, error: type[Exception], words: str) -> None:
    installed(monkeypatch, odd=value)
    with pytest.raises(error, match=words):
        registry.load("odd")


def test_loading_imports_nothing_of_the_service() -> None:
    code = (
        "import sys; from connectors import registry; registry.load('line'); registry.load('webhook');"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('redis', 'router', 'pytest') or m == 'aiohttp.web'];"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def test_secrets_become_secrets() -> None:
    settings = registry.settings_of(Example, {"token": "tell-nobody", "more": ["tell-no", "one"]}, "a")
    assert (
        isinstance(settings, Settings) and isinstance(settings.token, Secret) and isinstance(settings.more[1], Secret)
    )
    assert "tell" not in repr(settings)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({}, "account 'a': .*token"),
        ({"token": "tell-nobody", "prot": 1}, "account 'a': there is no setting 'prot'; did you mean 'port'"),
        ({"token": "tell-nobody", "port": "tell-nobody"}, "account 'a': port: Expected `int`"),
        ({"token": 1}, "token: Expected text"),
        ({"token": ""}, "token: Expected a secret"),
        ({"token": "tell-nobody", "token_file": "/x"}, "both token and token_file"),
        ({"token_file": "/not/there"}, "token_file: cannot read /not/there"),
        ({"token_file": 3}, "path of a file"),
        ({"token": "tell-nobody", "port_file": "/x"}, "no setting 'port_file'"),
    ],
)
def test_wrong_settings(raw: dict[str, object], words: str) -> None:
    with pytest.raises(registry.SettingsError, match=words) as caught:
        registry.settings_of(Example, raw, "a")
    assert "tell-nobody" not in str(caught.value)


def test_secrets_from_files(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("tell-nobody\n")
    two.write_text("first\nsecond\n")
    one.chmod(0o640), two.chmod(0o600)
    settings = registry.settings_of(
        Example, {"token_file": str(one), "more_file": str(two), "maybe_file": str(one)}, "a"
    )
    assert isinstance(settings, Settings) and settings.maybe is not None
    assert [each.reveal() for each in (settings.token, *settings.more, settings.maybe)] == [
        "tell-nobody", "first", "second", "tell-nobody",
    ]  # fmt: skip


def test_a_file_that_everybody_can_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_text("tell-nobody")
    path.chmod(0o644)
    with pytest.raises(registry.SettingsError, match="everybody on this machine can read"):
        registry.settings_of(Example, {"token_file": str(path)}, "a")
    monkeypatch.setattr(registry, "SECRET_MOUNT", tmp_path)
    registry.settings_of(Example, {"token_file": str(path)}, "a")
