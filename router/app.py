"""The composition root: everything is made here, in order, and unmade in the reverse order. Nobody else makes parts."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from contracts.commands import PublishPolicy, PutAgent
from contracts.streams import DISPATCH
from router.accounts import Accounts, open_accounts
from router.api import ApiServices, TokenStore, make_api
from router.api.services import AccountHealth
from router.api.services import Invitation as ApiInvitation
from router.api.services import Limits as ApiLimits
from router.api.subscriptions.send import Sender
from router.api.subscriptions.service import SubscriptionService
from router.api.subscriptions.store import SubscriptionStore
from router.console import QuickstartFacts, add_console
from router.delivery.conditions import Conditions
from router.delivery.courtesies import Courtesies
from router.delivery.deliveries import Deliveries
from router.delivery.effects import EffectRunner
from router.delivery.fetches import Fetches
from router.delivery.gates import Gates
from router.delivery.inheritance import Inheritances
from router.delivery.lookups import Lookups
from router.delivery.outbound import Preparer
from router.domain.conversation.handler import ConversationHandler
from router.domain.conversation.rules import ConversationRules
from router.domain.dispatch.handler import DispatchHandler
from router.domain.dispatch.tables import AGENTS, CURRENT, HISTORY
from router.domain.language import Detector
from router.domain.policy.check import errors
from router.domain.policy.versions import History as PolicyHistory
from router.domain.policy.versions import is_news
from router.domain.reply.facts import ReplyFacts
from router.domain.turn import Handler
from router.edge import sockets
from router.edge.callers import Callers
from router.edge.history import History
from router.edge.intake import Intake
from router.edge.invitations import Invitations
from router.edge.invite import Inviter
from router.edge.listeners import listening
from router.edge.publish import Publisher
from router.edge.server import HttpServer, ServerSettings
from router.enrich.cache import Cache
from router.enrich.enrichers import Enrichers, open_enrichers
from router.enrich.statistics import open_guess
from router.media.links import Links
from router.media.store import DirectoryMedia, MediaStore, S3Media
from router.net.guard import session
from router.observe.health import Component, Health
from router.observe.lag import LoopWatch
from router.observe.metrics import Metrics, registry_of
from router.observe.pages import add_pages
from router.observe.supervise import Supervisor
from router.settings.listen import address
from router.settings.problem import Problem, SettingsError
from router.settings.root_key import RootKey, root_key
from router.settings.sections import Settings
from router.shards.append import Appender
from router.shards.invites import Invites
from router.shards.layout import check_layout
from router.shards.leases import Leases
from router.shards.signals import Signals
from router.shards.state import StateReader
from router.shards.submit import Submitter
from router.shards.tail import Tail
from router.shards.trim import Janitor
from router.shards.worker import Worker, WorkerSettings
from router.store.configured import configured_url, store_settings
from router.store.errors import StoreError
from router.store.store import Store

log = structlog.get_logger("madoguchi.app")

ROLES = frozenset({"edge", "worker", "api"})


@dataclass(slots=True)
class Parts:
    """Every part of a running process, by name. Those of roles it has not are None."""

    settings: Settings
    roles: frozenset[str]
    keys: RootKey
    health: Health
    metrics: Metrics
    supervisor: Supervisor
    store: Store
    appender: Appender
    state: StateReader
    tail: Tail
    signals: Signals
    submitter: Submitter
    leases: Leases
    accounts: Accounts
    media: MediaStore
    links: Links
    tokens: TokenStore
    inviter: Inviter
    enrichers: Enrichers
    name: str
    worker: Worker | None = None
    effects: EffectRunner | None = None
    intake: Intake | None = None
    chats: sockets.SocketServices | None = None
    server: HttpServer | None = None
    quickstart: QuickstartFacts | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


async def serve(
    settings: Settings,
    roles: frozenset[str] = ROLES,
    *,
    store_url: str | None = None,
    share_port: bool = False,
    quickstart: QuickstartFacts | None = None,
    ready: Callable[[Parts], Awaitable[None]] | None = None,
) -> None:
    """Runs until SIGTERM or SIGINT, then drains. ``ready`` is called when requests are answered.

    Raises:
        StoreError, SettingsError, RegistryError, OSError: it cannot start; the message says why and what to do.
    """
    async with running(settings, roles, store_url=store_url, share_port=share_port, quickstart=quickstart) as parts:
        with _signals(parts.stopping):
            if ready is not None:
                await ready(parts)
            await parts.stopping.wait()
            await drain(parts)


@asynccontextmanager
async def running(
    settings: Settings,
    roles: frozenset[str] = ROLES,
    *,
    store_url: str | None = None,
    share_port: bool = False,
    quickstart: QuickstartFacts | None = None,
) -> AsyncIterator[Parts]:
    """A process with these roles, at work within the block. ``quickstart`` adds the demonstration's page."""
    async with AsyncExitStack() as stack:
        parts = await _make_parts(stack, settings, roles, store_url)
        parts.quickstart = quickstart
        await _start_common(parts)
        if "worker" in roles:
            await _start_worker(stack, parts)
        if "edge" in roles:
            _start_edge(stack, parts)
        if "worker" in roles:
            seeded = parts.health.component("configured", needed=True)
            parts.supervisor.start("seed", partial(_seed, parts, seeded), once=True)
        await _start_http(stack, parts, share_port)
        _settle_memory()
        parts.supervisor.start("loop", LoopWatch(parts.metrics, parts.health).run)
        yield parts


async def drain(parts: Parts) -> None:
    """An orderly end: say that we are not ready, serve on while load balancers notice, close what never ends by itself.
    What is left is done by unwinding."""
    log.info("service.draining")
    parts.health.draining = True
    await asyncio.sleep(parts.settings.service.drain_s)
    if parts.server is not None:
        await parts.server.close_listener()
    if parts.chats is not None:
        await sockets.close_all(parts.chats)


# -- the common parts ------------------------------------------------------------------------------------------------


async def _make_parts(stack: AsyncExitStack, settings: Settings, roles: frozenset[str], store_url: str | None) -> Parts:
    _check_policy(settings)
    health = Health(_version(), tuple(sorted(roles)))
    metrics = Metrics()
    keys = root_key(settings)
    accounts = open_accounts(settings.accounts, settings.service.public_url.rstrip("/"), health, keys)
    stack.push_async_callback(accounts.close)
    store = await Store.open(store_settings(settings, store_url or configured_url(settings)))
    stack.push_async_callback(store.close)
    shards = settings.shards.conversation
    await check_layout(store, shards)
    media = await _open_media(stack, settings)
    supervisor = await stack.enter_async_context(Supervisor(health, metrics, patience_s=settings.service.stop_s))
    appender, state, tail = Appender(store), StateReader(store, shards), Tail(store, shards)
    cache = Cache(store.lane("enrich"), keys.key("enrich-cache"))
    wanted = settings.enrichers if "worker" in roles else {}
    enrichers = await open_enrichers(wanted, state, appender, cache, health, metrics)
    stack.push_async_callback(enrichers.close)
    invites, name = Invites(store), _worker_name()
    return Parts(
        settings=settings,
        roles=roles,
        keys=keys,
        health=health,
        metrics=metrics,
        supervisor=supervisor,
        store=store,
        appender=appender,
        state=state,
        tail=tail,
        signals=Signals(store),
        submitter=Submitter(appender, tail, state),
        leases=Leases(store, name),
        accounts=accounts,
        media=media,
        links=Links(keys.key("media-link"), settings.service.public_url.rstrip("/"), settings.media.link_minutes * 60),
        tokens=TokenStore(store.lane("api.tokens", durable=True)),
        inviter=Inviter(accounts, invites, History(state), keys.key("handover")),
        enrichers=enrichers,
        name=name,
    )


def _check_policy(settings: Settings) -> None:
    """The dispatch shard would refuse a wrong policy and keep the one it has; whoever starts us must hear of it."""
    wrong = errors(settings.policy)
    if wrong:
        raise SettingsError([Problem((), str(problem)) for problem in wrong])


async def _open_media(stack: AsyncExitStack, settings: Settings) -> MediaStore:
    media = settings.media
    if media.kind == "directory" or media.s3 is None:
        return DirectoryMedia(Path(media.directory or Path(settings.service.data_dir) / "media"))
    try:
        get_session = importlib.import_module("aiobotocore.session").get_session
    except ImportError:
        raise StoreError("media.kind = 's3' needs the extra: pip install 'madoguchi[s3]'") from None
    s3 = media.s3
    client = await stack.enter_async_context(
        get_session().create_client(
            "s3",
            endpoint_url=s3.endpoint_url,
            region_name=s3.region,
            aws_access_key_id=s3.access_key,
            aws_secret_access_key=s3.secret_key.reveal() if s3.secret_key else None,
        )
    )
    return S3Media(client, s3.bucket, s3.prefix)


async def _start_common(parts: Parts) -> None:
    supervisor = parts.supervisor
    supervisor.start("tail", parts.tail.run)
    supervisor.start("signals", parts.signals.run)
    supervisor.start("store.health", partial(_watch_store, parts))
    if parts.store.embedded is not None:
        supervisor.start("store.server", parts.store.embedded.watch)
    if "api" in parts.roles:
        await parts.submitter.listen()


async def _watch_store(parts: Parts) -> None:
    component = parts.health.component("store", "store", needed=True)
    while True:
        facts = await parts.store.facts()
        details = {"server": facts.server, "mode": facts.mode, "durability": facts.durability}
        if facts.connected:
            component.ok(**details)
        else:
            component.failed("unreachable", **details)
        await asyncio.sleep(2)


# -- worker ----------------------------------------------------------------------------------------------------------


async def _start_worker(stack: AsyncExitStack, parts: Parts) -> None:
    effects = parts.effects = EffectRunner()
    facts = _reply_facts(parts)
    rules = _conversation_rules(parts, facts)
    settings = WorkerSettings(
        id=parts.name,
        shards=parts.settings.shards.conversation,
        lease_ms=parts.settings.shards.lease_ms,
        alive_ms=parts.settings.shards.lease_ms,
        beat_ms=parts.settings.shards.lease_ms // 4,
    )
    worker = parts.worker = Worker(parts.store, settings, partial(_handler, rules), effects, parts.metrics)
    gates = Gates(parts.accounts, parts.store.lane("pace"), parts.name)
    stack.push_async_callback(gates.close)
    effects.use(
        Inheritances(worker, parts.store.lane("delivery")),
        Deliveries(
            worker,
            parts.accounts,
            parts.state,
            parts.appender,
            Preparer(parts.media, parts.links, facts),
            gates,
            parts.metrics,
        ),
        Fetches(
            parts.accounts,
            parts.state,
            parts.appender,
            parts.media,
            parts.metrics,
            most=parts.settings.limits.upload_bytes,
        ),
        Lookups(parts.accounts, parts.appender, settings.shards),
        parts.enrichers.begin,
    )
    parts.supervisor.start("worker", worker.run)
    parts.supervisor.start("shards.health", partial(_watch_shards, parts, worker))
    janitor = Janitor(
        parts.store.lane("janitor"), lambda: worker.owned, parts.settings.retention, list(parts.accounts), parts.media
    )
    parts.supervisor.start("janitor", janitor.run)
    stack.push_async_callback(parts.supervisor.stop, "worker")
    # First of all: what is being sent is reported while the shards are still ours.
    stack.push_async_callback(effects.stop, 5.0)


def _reply_facts(parts: Parts) -> ReplyFacts:
    channels = {name: account.connector.manifest for name, account in parts.accounts.items()}
    return ReplyFacts(channels, parts.settings.templates, parts.settings.service.language)


def _conversation_rules(parts: Parts, facts: ReplyFacts) -> ConversationRules:
    languages = {name: account.settings.language for name, account in parts.accounts.items()}
    return ConversationRules(
        handover_key=parts.keys.key("handover"),
        reply=facts,
        language=parts.settings.service.language,
        languages={name: language for name, language in languages.items() if language is not None},
        detect=Detector(open_guess()).detect,
    )


def _handler(rules: ConversationRules, shard: str) -> Handler:
    return DispatchHandler() if shard == DISPATCH else ConversationHandler(rules)


async def _watch_shards(parts: Parts, worker: Worker) -> None:
    component = parts.health.component("shards", "shards", needed=True)
    while True:
        owned = worker.owned
        component.ok(
            owned=sorted(owned),
            commands=parts.metrics.commands,
            dead=parts.metrics.dead_letters,
        )
        await asyncio.sleep(1)


async def _seed(parts: Parts, component: Component) -> None:
    """Brings the configured policy into the store when the file says something new, and agents when they differ from
    what is there: what was published over the API meanwhile outlives a restart. Until that is done
    (or ten seconds have passed) the process is not ready: agents who sign in at once are known then."""
    for command in await _unseeded(parts):
        await parts.appender.append(DISPATCH, command)
    for _ in range(200):
        if not await _unseeded(parts):
            break
        await asyncio.sleep(0.05)
    component.ok()


async def _unseeded(parts: Parts) -> list[PublishPolicy | PutAgent]:
    history = await parts.state.get(DISPATCH, HISTORY, CURRENT) or PolicyHistory()
    agents = await parts.state.rows(DISPATCH, AGENTS)
    commands: list[PublishPolicy | PutAgent] = []
    if is_news(history, parts.settings.policy):
        commands.append(PublishPolicy(policy=parts.settings.policy, source="config", by="config"))
    known = {id: state.agent for id, state in agents.items()}
    commands += [PutAgent(agent=agent) for agent in parts.settings.agents if known.get(agent.id) != agent]
    return commands


# -- edge ------------------------------------------------------------------------------------------------------------


def _start_edge(stack: AsyncExitStack, parts: Parts) -> None:
    lane = parts.store.lane("edge", durable=True)
    invites = Invites(parts.store)
    publisher = Publisher(parts.appender, parts.media, parts.signals, invites, lane, parts.settings.shards.conversation)
    invitations = Invitations(parts.inviter)
    stack.push_async_callback(invitations.stop)
    parts.intake = Intake(
        parts.accounts,
        publisher,
        parts.metrics,
        body_timeout_s=parts.settings.http.body_timeout_s,
        invitations=invitations,
    )
    parts.chats = sockets.SocketServices(
        parts.accounts,
        publisher,
        parts.tail,
        parts.signals,
        History(parts.state),
        parts.inviter,
        parts.links,
        Callers(parts.settings.limits.connects_per_minute, parts.settings.http.trusted_proxies),
        parts.settings.limits,
    )
    for name, run in listening(parts.accounts, publisher, lane, parts.leases).items():
        parts.supervisor.start(name, run, kind="listener")


# -- HTTP ------------------------------------------------------------------------------------------------------------


async def _start_http(stack: AsyncExitStack, parts: Parts, share_port: bool) -> None:
    app = web.Application(client_max_size=parts.settings.limits.body_bytes)
    add_pages(app, parts.health, registry_of(parts.metrics))
    if "api" in parts.roles:
        _add_api(stack, app, parts)
    host, port = address(parts.settings, parts.roles)
    http = parts.settings.http
    settings = ServerSettings(
        host=host,
        port=port,
        path=host.removeprefix("unix:") if host.startswith("unix:") else None,
        share=share_port,
        header_timeout_s=http.header_timeout_s,
        keepalive_s=http.keepalive_s,
        max_connections=http.max_connections,
    )
    chatting = partial(sockets.answer, parts.chats) if parts.chats is not None else None
    parts.server = HttpServer(settings, app, parts.intake, chatting)
    await parts.server.start()
    stack.push_async_callback(parts.server.stop, parts.settings.service.stop_s)
    parts.supervisor.start("http.sweep", parts.server.sweep)
    log.info("service.listening", port=parts.server.port if settings.path is None else 0)


def _add_api(stack: AsyncExitStack, app: web.Application, parts: Parts) -> None:
    subscriptions = SubscriptionStore(parts.store.lane("api.subscriptions", durable=True))
    private = parts.settings.http.private_webhooks
    courtesies = Courtesies(parts.accounts)
    stack.push_async_callback(courtesies.stop)
    conditions = Conditions(parts.accounts)
    stack.push_async_callback(conditions.stop)
    services = ApiServices(
        appender=parts.appender,
        submitter=parts.submitter,
        state=parts.state,
        tail=parts.tail,
        signals=parts.signals,
        tokens=parts.tokens,
        subscriptions=subscriptions,
        lane=parts.store.lane("api", durable=True),
        links=parts.links,
        public_url=parts.settings.service.public_url.rstrip("/"),
        language=parts.settings.service.language,
        metrics=parts.metrics,
        invite=partial(_invite, parts),
        show_typing=courtesies.typing,
        show_read=courtesies.read,
        accounts=partial(_account_health, parts),
        reply=_reply_facts(parts),
        conditions=conditions.of,
        media=parts.media,
        limits=ApiLimits(body=parts.settings.limits.body_bytes, sockets=parts.settings.limits.agent_sockets),
        allow_private=private,
    )
    app.add_subapp("/v1", make_api(services))
    add_console(app, parts.settings.service.language, parts.quickstart)
    calls = session(allow_private=private)
    stack.push_async_callback(calls.close)
    sender = Sender(calls, allow_private=private)
    service = SubscriptionService(subscriptions, parts.tail, parts.leases, sender)
    parts.supervisor.start("subscriptions", service.run)


async def _invite(parts: Parts, contact: str, conversation: str | None = None) -> ApiInvitation:
    made = await parts.inviter.invite(contact, conversation)
    return ApiInvitation(made.code, made.expires_at, made.links)


async def _account_health(parts: Parts) -> list[AccountHealth]:
    return [
        AccountHealth(
            account=account.name,
            connector=account.settings.connector,
            channel=account.channel,
            title=account.connector.manifest.title,
            **_worst(parts.health, account.name),
            typing=account.connector.manifest.typing,
        )
        for account in parts.accounts.values()
    ]


def _worst(health: Health, account: str) -> dict[str, Any]:
    parts = [part for part in health.of_kind("account") if part.name.startswith(f"{account}.")]
    bad = [part for part in parts if part.state in ("degraded", "failed")]
    if bad:
        return {"state": "troubled", "since": bad[0].since, "reason": bad[0].reason}
    good = [part for part in parts if part.state == "ok"]
    return {"state": "ok", "since": good[0].since} if good else {"state": "unknown"}


# -- small things ----------------------------------------------------------------------------------------------------


def _version() -> str:
    try:
        return version("madoguchi")
    except PackageNotFoundError:
        return "unknown"


def _worker_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


def _settle_memory() -> None:
    """What was made until now lives as long as the process: the collector need not look at it again. The hot path makes
    few cycles, so the oldest generation is collected more rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@contextlib.contextmanager
def _signals(stopping: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
