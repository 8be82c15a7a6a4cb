"""Secrets show themselves to nobody; the root key is made once and keys derived from it differ."""

from __future__ import annotations

import concurrent.futures
import json
from pathlib import Path

import pytest

from connectors.api import Secret
from router.settings import RootKey, SettingsError, read, redacted, root_key
from router.settings.root_key import _make

CANARY = "c4n4ry-c4n4ry-c4n4ry-c4n4ry-c4n4ry"
TEXT = f"""
[service]
secret = "{CANARY}"
[store]
url = "redis://user:{CANARY}@db"
password = "{CANARY}"
[accounts.line]
connector = "line"
channel_secret = "{CANARY}"
nested = {{ token = "{CANARY}", list = ["{CANARY}"] }}
number = 5
[media]
kind = "s3"
[media.s3]
bucket = "b"
secret_key = "{CANARY}"
"""


def test_nothing_shows_a_secret() -> None:
    settings = read(TEXT, None, {})
    for shown in (repr(settings), str(settings), repr(settings.accounts), json.dumps(redacted(settings))):
        assert CANARY not in shown
    assert redacted(settings)["accounts"]["line"]["options"]["number"] == 5
    assert redacted(settings)["store"]["url"] == "***"
    assert redacted(settings)["media"]["s3"]["bucket"] == "b"


def test_key_is_the_same_for_a_label_and_differs_between_labels() -> None:
    root = RootKey(Secret(CANARY))
    assert root.key("a") == RootKey(Secret(CANARY)).key("a")
    assert len({root.key("a"), root.key("b"), RootKey(Secret(CANARY + "x")).key("a")}) == 3
    assert len(root.key("a")) == 32
    assert CANARY not in repr(root) + root.fingerprint()


def test_key_is_hmac_sha256_of_the_label() -> None:
    # printf label | openssl dgst -sha256 -hmac root
    assert RootKey(Secret("root")).key("label").hex() == (
        "b46db79d549fc4b64cb19568df2f5a388b93ebf0f15bbf67bbabe849620640e0"
    )


def test_missing_root_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = read(f"[service]\ndata_dir = '{tmp_path}/data'", None, {})
    first = root_key(settings).key("x")
    assert (tmp_path / "data/secret").stat().st_mode & 0o777 == 0o600
    assert root_key(settings).key("x") == first
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["secret"]


def test_copies_that_start_together_agree(tmp_path: Path) -> None:
    settings = read(f"[service]\ndata_dir = '{tmp_path}'", None, {})
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        prints = set(pool.map(lambda _: root_key(settings).fingerprint(), range(16)))
    assert len(prints) == 1


def test_who_comes_second_keeps_the_first_ones_key(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    _make(file)
    first = file.read_text()
    _make(file)
    assert file.read_text() == first


def test_configured_root_key_writes_nothing(tmp_path: Path) -> None:
    root_key(read(f"[service]\ndata_dir = '{tmp_path}'\nsecret = '{CANARY}'", None, {}))
    assert list(tmp_path.iterdir()) == []


def test_kept_root_key_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    settings = read(f"[service]\ndata_dir = '{tmp_path}'", None, {})
    root_key(settings)
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(SettingsError, match="every user of this machine can read"):
        root_key(settings)
