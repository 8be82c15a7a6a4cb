"""The demonstration's configuration: nothing to write, keys of this machine alone. The environment wins here too."""

from __future__ import annotations

import contextlib
import re
from base64 import b64encode
from collections.abc import Mapping
from importlib import resources
from typing import Final

import msgspec

from connectors import registry
from router.cli.ask import base_url
from router.settings import Service, Settings, read, root_key

FOLDER: Final = "data/quickstart"
_NAME: Final = "quickstart.toml"


def quickstart_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of ``quickstart.toml``. Keys derive from ``data/quickstart/secret``, so they outlive a restart.

    Channels whose extra is not installed are left out.
    """
    folder = environ.get("MADOGUCHI_SERVICE__DATA_DIR") or environ.get("MADOGUCHI_SERVICE_DATA_DIR") or FOLDER
    root = root_key(Settings(service=Service(data_dir=folder)))
    words = {name: root.key(f"quickstart {name}").hex() for name in ("web", "mail")}
    words |= {"folder": folder, "hook": b64encode(root.key("quickstart hook")).decode()}
    text = resources.files("router.cli").joinpath(_NAME).read_text("utf-8")
    settings = read(re.sub(r"\{(\w+)\}", lambda found: words[found[1]], text), _NAME, environ)
    accounts = {name: account for name, account in settings.accounts.items() if _installed(account.connector)}
    return msgspec.structs.replace(settings, accounts=accounts, service=_reached(settings))


def _reached(settings: Settings) -> Service:
    """Links lead to where it listens, unless it was told where it is reached."""
    service = settings.service
    told = service.public_url != Service().public_url
    return service if told else msgspec.structs.replace(service, public_url=base_url(settings))


def _installed(connector: str) -> bool:
    with contextlib.suppress(registry.MissingExtra):
        registry.load(connector)
        return True
    return False
