from __future__ import annotations

import re
import tomllib
from importlib import resources

import msgspec
import pytest

from connectors.webchat import protocol, session
from connectors.webchat.settings import WebchatSettings
from contracts.content import KINDS
from tests.connectors.webchat.desk import Desk


def readme() -> str:
    return resources.files("connectors.webchat").joinpath("README.md").read_text()


def test_the_example_is_valid() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", readme(), re.S)
    (account,) = tomllib.loads(example)["accounts"].values()
    assert account.pop("connector") == "webchat"
    msgspec.convert(account, WebchatSettings, dec_hook=lambda kind, value: kind(value))


@pytest.mark.parametrize("name", WebchatSettings.__struct_fields__)
def test_every_setting_is_explained(name: str) -> None:
    assert f"| `{name}` |" in readme()


def test_every_frame_and_close_code_is_explained() -> None:
    clients = {str(kind.__struct_config__.tag) for kind in protocol.AnyFrame.__args__}
    source = resources.files("connectors.webchat").joinpath("session.py").read_text()
    servers = set(re.findall(r'frame\(\s*"(\w+)"', source))
    assert len(servers) > 12
    explained = set(re.findall(r"`(\w+)`", "\n".join(line for line in readme().splitlines() if line.startswith("| `"))))
    assert clients | servers <= explained
    for name, code in vars(protocol).items():
        if name.startswith("CLOSE_"):
            assert f"| {code} |" in readme()


def test_every_kind_is_declared() -> None:
    assert set(Desk().connector.manifest.carries) == set(KINDS)
    assert Desk().connector.manifest.name == session.CHANNEL
