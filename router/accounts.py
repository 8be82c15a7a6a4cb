"""The accounts of this installation: each a connector with its settings, its own connections and its own health."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from connectors import registry
from connectors.api import Connector
from router.net.http import Http
from router.net.supplies import AccountHttp, Supplies
from router.observe.health import Component, Health
from router.settings.root_key import RootKey
from router.settings.sections import Account as AccountSettings


@dataclass(slots=True)
class Account:
    """One account, ready for use."""

    name: str
    connector: Connector[Any]
    settings: AccountSettings
    public_url: str
    http: Http
    health: Health
    _noted: dict[str, float] = field(default_factory=dict)
    _conditions: dict[str, Component] = field(default_factory=dict)
    _spare: float = 0.0
    _counted: float = 0.0

    def admits(self) -> bool:
        """Whether another request may be taken (``receive_per_second``, with a second's worth at once)."""
        rate = self.settings.receive_per_second
        if rate is None:
            return True
        now = time.monotonic()
        self._spare = min(max(1.0, rate), self._spare + (now - self._counted) * rate)
        self._counted = now
        if self._spare < 1:
            return False
        self._spare -= 1
        return True

    @property
    def supplies(self) -> Supplies | None:
        """The tokens and keys that it has to fetch; None where it needs none."""
        return self.http.supplies if isinstance(self.http, AccountHttp) and self.http.supplies else None

    @property
    def channel(self) -> str:
        """The channel's name, as in identities."""
        return self.connector.manifest.name

    @property
    def channel_class(self) -> str:
        """What its conversations cost."""
        return self.connector.manifest.channel_class

    @property
    def grouping(self) -> Literal["contact", "channel", "thread"]:
        """What makes one conversation."""
        return self.settings.grouping or self.connector.manifest.grouping

    def worked(self, direction: str) -> None:
        """It did what it should; noted at most once a second, since this is called for every message."""
        condition = self.condition(direction)
        now = time.monotonic()
        if condition.state != "ok" or now - self._noted.get(direction, 0.0) > 1.0:
            self._noted[direction] = now
            condition.ok()

    def condition(self, direction: str) -> Component:
        """The health of a direction (``receiving``, ``sending``) or of a listener by its name."""
        known = self._conditions.get(direction)
        if known is None:
            name = f"{self.name}.{direction}"
            known = self.health.component(name, "account", connector=self.settings.connector, direction=direction)
            self._conditions[direction] = known
        return known


class Accounts(Mapping[str, Account]):
    """All enabled accounts by name."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = dict(accounts)

    def __getitem__(self, name: str) -> Account:
        return self._accounts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._accounts)

    def __len__(self) -> int:
        return len(self._accounts)

    async def close(self) -> None:
        """Gives back what the connectors hold."""
        for account in self.values():
            await account.connector.close()
            await account.http.close()


TOKEN_KEY = "token_key"
"""A connector's setting for signing its own tokens; when it is not given it is derived from the root key."""
WEBHOOK_URL = "webhook_url"
"""A connector's setting for where its own webhooks come in, which some providers sign or are told with each call; when
it is not given it is the service's public URL."""


def open_accounts(settings: Mapping[str, AccountSettings], public_url: str, health: Health, keys: RootKey) -> Accounts:
    """Makes the connectors of all enabled accounts.

    Raises:
        connectors.registry.RegistryError: an unknown connector, a missing extra, wrong settings; the message names the
            account, the key and what would be right.
    """
    return Accounts(
        {name: _open(name, account, public_url, health, keys) for name, account in settings.items() if account.enabled}
    )


def options_of(name: str, settings: AccountSettings, cls: type[Connector[Any]], keys: RootKey) -> dict[str, Any]:
    """The connector's own settings as written, with a token key derived for this account when none is given."""
    options = dict(settings.options)
    wanted = any(field.name == TOKEN_KEY for field in msgspec.structs.fields(cls.Settings))
    if wanted and TOKEN_KEY not in options and f"{TOKEN_KEY}_file" not in options:
        options[TOKEN_KEY] = keys.key(f"connector-token:{name}").hex()
    return options


def _open(name: str, settings: AccountSettings, public_url: str, health: Health, keys: RootKey) -> Account:
    cls = registry.load(settings.connector)
    url = f"{public_url}/in/{name}"
    options = placed(options_of(name, settings, cls, keys), cls, url)
    connector = cls(name, registry.settings_of(cls, options, name))
    http = AccountHttp(connector, allow_private=settings.allow_private)
    return Account(name, connector, settings, url, http, health)


def placed(options: Mapping[str, Any], cls: type[Connector[Any]], url: str) -> dict[str, Any]:
    """The connector's settings, with the URL of its webhooks when it wants to know and nothing else is written."""
    wanted = any(field.name == WEBHOOK_URL for field in msgspec.structs.fields(cls.Settings))
    return {WEBHOOK_URL: url, **options} if wanted else dict(options)
