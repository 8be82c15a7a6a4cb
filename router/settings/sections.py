"""Every setting, its default and what it means. The texts here become ``deploy/settings.md`` and the example file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from connectors.api import Secret
from contracts.agent import Agent
from contracts.policy import Policy
from router.domain.reply.templates import MessageTemplate

Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0)]


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The installation as a whole."""

    name: str = "Madoguchi"
    """Shown to agents and customers."""
    public_url: str = "http://127.0.0.1:8080"
    """Where the world reaches this service; providers sign it, links are made from it. Without a trailing slash."""
    language: str = "en"
    """BCP 47, for what the service itself says when the customer's language is not known: ``en`` or ``ja``."""
    data_dir: str = "data"
    """Folder of the embedded store, of media and of the root key. Relative to the working directory."""
    secret: Secret | None = None
    """The root key, at least 32 characters; every other key is derived from it. When it is missing a random one is made
    in ``<data_dir>/secret``, which is right for one host; copies on several hosts need the same one here."""
    drain_s: Seconds = 5.0
    """After SIGTERM: how long it says that it is not ready and goes on serving, so that load balancers notice."""
    stop_s: Seconds = 25.0
    """After that: how long what was begun may take. Nothing that was acknowledged is lost when it is cut short."""


class Http(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The HTTP listener. Times in seconds."""

    listen: str | None = None
    """Address and port; ``[::]:8080`` for IPv6 too, ``unix:/path`` for a socket. Default: 127.0.0.1:8080; for api alone
    port 8081, for worker alone 8082."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks (``10.0.0.0/8``) whose X-Forwarded-For is believed. Nobody else's is."""
    header_timeout_s: Seconds = 10.0
    """A request line and its headers must have arrived by then."""
    body_timeout_s: Seconds = 10.0
    """And its body this much later."""
    keepalive_s: Seconds = 75.0
    """An idle connection is kept this long: longer than the load balancer keeps it (often 60)."""
    max_connections: Positive = 10_000
    """More are closed at once."""
    private_webhooks: bool = False
    """Webhook subscriptions may lead to addresses in private networks; otherwise only to public ones."""


class Store(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Redis 7 or Valkey 8, or later. Without ``url`` a Valkey of our own is started in ``data_dir``."""

    url: Secret | None = None
    """``redis://``, ``redis+sentinel://``, ``redis+cluster://``, each with TLS as ``rediss...``, or ``unix://``."""
    durability: Literal["memory", "disk", "replica"] = "disk"
    """What a message has survived when its sender is told that we have it: nothing, an fsync or a replica."""
    barrier_timeout_ms: Positive = 2_000
    """How long the fsync or the replica may take before the message counts as not accepted."""
    username: str | None = None
    """Wins over the one in ``url``; so does ``password``."""
    password: Secret | None = None
    """Of the store's user."""
    sentinel_username: str | None = None
    """For the Sentinels themselves."""
    sentinel_password: Secret | None = None
    """For the Sentinels themselves."""
    tls_ca_file: str | None = None
    """PEM file of the authority that signed the store's certificate, when the system does not know it."""
    tls_cert_file: str | None = None
    """PEM file of our own certificate, when the store asks for one."""
    tls_key_file: str | None = None
    """And its key."""


class Shards(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the state is divided."""

    conversation: Annotated[int, Meta(ge=1, le=256)] = 16
    """Number of conversation shards. Fixed when a store is first used; another number is refused afterwards."""
    lease_ms: Annotated[int, Meta(ge=500)] = 3_000
    """A worker that has not been heard of for this long loses its shards to the others."""


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One connection of a connector: a mailbox, a LINE channel, a web chat. Its table is named after it,
    ``[accounts.shop-line]``, and the name is in the URL that the provider calls: ``/in/shop-line``.
    Besides these keys, the connector's own settings stand in the same table; see its README."""

    connector: str
    """Which connector: ``email``, ``webchat``, ``line``, ``webhook`` or an installed one."""
    enabled: bool = True
    """false: neither receives nor sends."""
    grouping: Literal["contact", "channel", "thread"] | None = None
    """What is one conversation: all of a customer's channels, this channel alone, or a thread in it. Default: the
    connector's."""
    language: str | None = None
    """What the account's customers speak unless they say otherwise."""
    send_per_second: Annotated[float, Meta(gt=0)] | None = None
    """At most so many provider calls a second, over all copies; the rest waits, answers before bulk. What the channel
    itself limits counts too."""
    receive_per_second: Annotated[float, Meta(gt=0)] | None = None
    """At most so many requests a second are taken from outside per copy; more get 429."""
    allow_private: bool = False
    """Its provider may be in a private network (your own gateway, a test); otherwise only public ones are called."""
    options: dict[str, Any] = {}
    """The connector's own settings, as written; checked by the connector."""

    def __repr__(self) -> str:
        """Without the options' values, which may be secret."""
        return f"Account(connector={self.connector!r}, enabled={self.enabled}, options={sorted(self.options)})"


class Enricher(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plugin that finds out more about a customer or their words, beside routing and never in its way. Its table is
    named as one likes, ``[enrichers.crm]``; besides these keys, the plugin's own settings stand in the same table."""

    enricher: str | None = None
    """Which plugin: ``crm``, ``sentiment`` or an installed one. Default: the one called like the table."""
    enabled: bool = True
    """false: it is not asked."""
    budget_s: Annotated[float, Meta(gt=0, le=60)] | None = None
    """After so long its answer is not waited for any more. Default: the plugin's."""
    cache_s: Annotated[int, Meta(ge=0, le=2_592_000)] | None = None
    """How long an answer is good for the same contact or text; 0: not kept. Default: the plugin's."""
    at_once: Positive | None = None
    """So many questions run at the same time and copy; beyond them it is not asked. Default: the plugin's."""
    allow_private: bool = False
    """It may call addresses in private networks; otherwise only public ones."""
    options: dict[str, Any] = {}
    """The plugin's own settings, as written; checked by the plugin."""

    def __repr__(self) -> str:
        """Without the options' values, which may be secret."""
        return f"Enricher(enricher={self.enricher!r}, enabled={self.enabled}, options={sorted(self.options)})"


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long things are kept, in days. A declared reader that is behind holds events back from being trimmed."""

    commands_days: Positive = 7
    """Command streams: what was asked."""
    events_days: Positive = 30
    """Event streams: how long a consumer may be away."""
    dead_days: Positive = 90
    """Dead letters."""
    media_days: Positive = 365
    """Attachments."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is taken from outside at most. More is refused with a reason, never cut silently."""

    body_bytes: Positive = 1_048_576
    """A request's body; a connector may ask for more or less."""
    upload_bytes: Positive = 26_214_400
    """A file uploaded by a visitor or an agent, and an attachment fetched from a provider."""
    frame_bytes: Positive = 65_536
    """A WebSocket frame."""
    sessions: Positive = 5_000
    """Visitors' WebSockets per copy."""
    sessions_per_visitor: Positive = 5
    """WebSockets of one visitor."""
    connects_per_minute: Positive = 30
    """New visitors' WebSockets from one address."""
    agent_sockets: Positive = 2_000
    """Agents' WebSockets per copy."""


class Logging(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log, one event a line on stderr. Never a body, an address or a secret."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written."""
    format: Literal["auto", "json", "text"] = "auto"
    """auto: text on a terminal, otherwise JSON."""


class S3(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """S3-compatible storage; needs the extra ``s3``. Without keys, the usual AWS places are asked."""

    bucket: str
    """Its name."""
    prefix: str = ""
    """Before every object's name."""
    endpoint_url: str | None = None
    """For storage other than AWS."""
    region: str | None = None
    """For example ``ap-northeast-1``."""
    access_key: str | None = None
    """Name of the key."""
    secret_key: Secret | None = None
    """And the key."""


class Media(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where attachments and raw messages are kept; never in the store."""

    kind: Literal["directory", "s3"] = "directory"
    """On several hosts: s3."""
    directory: str | None = None
    """Default: ``<data_dir>/media``."""
    link_minutes: Positive = 60
    """How long a signed link works."""
    s3: S3 | None = None
    """With ``kind = "s3"``."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration."""

    service: Service = Service()
    http: Http = Http()
    store: Store = Store()
    shards: Shards = Shards()
    accounts: dict[str, Account] = {}
    policy: Policy = Policy()
    agents: tuple[Agent, ...] = ()
    templates: dict[str, MessageTemplate] = {}
    enrichers: dict[str, Enricher] = {}
    retention: Retention = Retention()
    limits: Limits = Limits()
    logging: Logging = Logging()
    media: Media = Media()
