"""The settings: strict, secrets hidden, nothing in the clear without being asked for; and the README's example."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import connectors.email
from connectors.email import EmailConnector
from connectors.registry import SettingsError, load, settings_of
from contracts.content import KINDS


def made(**more: Any) -> Any:
    return settings_of(EmailConnector, {"address": "support@example.jp", **more}, "mail")


def test_every_example_of_the_readme_is_valid() -> None:
    readme = (Path(connectors.email.__file__).parent / "README.md").read_text()
    examples = re.findall(r"```toml\n(.*?)```", readme, re.S)
    assert len(examples) >= 3
    for example in examples:
        for account in tomllib.loads(example)["accounts"].values():
            assert account.pop("connector") == "email"
            settings = settings_of(EmailConnector, account, "mail")
            EmailConnector("mail", settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"address": "nobody"}, "no mail address"),
        ({"listen": "2525"}, "no host and port"),
        ({"listen": "0.0.0.0:2525"}, "in the clear"),
        ({"imap_host": "imap.example.jp"}, "imap_password is missing"),
        ({"imap_host": "imap.example.jp", "imap_password": "x", "imap_tls": False}, "in the clear"),
        ({"smtp_host": "127.0.0.1", "smtp_tls": "none"}, "in the clear"),
        ({"smtp_host": "mx", "smtp_user": "x"}, "belong together"),
        (
            {"smtp_host": "mx", "smtp_user": "x", "smtp_password": "y", "smtp_tls": "none", "insecure": True},
            "no password",
        ),
        ({"smtp_connections": 0}, "more than 0"),
        ({"imap_pasword": "x"}, "imap_password"),
        ({"listen_protocol": "uucp"}, "listen_protocol"),
    ],
)
def test_what_cannot_be_is_told(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        made(**given)


def test_secrets_are_hidden() -> None:
    settings = made(imap_host="h", imap_password="hunter2", token_key="tokenkey")
    assert "hunter2" not in repr(settings)
    assert "tokenkey" not in repr(settings)
    assert "tokenkey" not in repr(settings.mailbox("mail"))


def test_an_account_runs_what_it_is_set_up_for() -> None:
    def listeners(**more: Any) -> list[str]:
        return [each.name for each in EmailConnector("mail", made(**more)).listeners()]

    assert listeners() == []
    assert listeners(listen="127.0.0.1:2525") == ["port"]
    imap = {"imap_host": "imap.example.jp", "imap_password": "x"}
    assert listeners(**imap) == ["mailbox"]
    assert listeners(listen="[::1]:2525", **imap) == ["port", "mailbox"]


def test_the_manifest_is_whole() -> None:
    assert load("email") is EmailConnector
    assert set(EmailConnector.manifest.carries) == set(KINDS)
    assert not EmailConnector.manifest.verified_addresses
