"""What the servers say about themselves, and whether that is what Madoguchi needs.

Reading is one connection and a few commands; judging is a plain function of what was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from router.store.errors import ReplyError, StoreConfigError, StoreError, StoreRefused
from router.store.resp import pack
from router.store.settings import Durability
from router.store.url import Kind
from router.store.wire import Wire

_NEEDED: Final = {"redis": (7, 0), "valkey": (8, 0)}
_PROBE_MS: Final = 100


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One primary. None means that the server would not say."""

    node: str
    name: str
    version: tuple[int, ...]
    role: str | None
    cluster: bool | None
    used_memory: int | None
    maxmemory: int | None
    eviction: str | None
    aof: bool | None
    appendfsync: str | None
    waitaof: bool | None
    replicas: int | None

    @property
    def title(self) -> str:
        """For people: `Valkey 9.1.2`."""
        return f"{self.name.capitalize()} {'.'.join(map(str, self.version)) or '(version unknown)'}"


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """The store as `/readyz` shows it. Bytes for memory, summed over primaries; None where servers would not say.

    `proof` says what makes an answer count: `appendfsync always`, `WAITAOF`, `WAIT` or `none`.
    """

    url: str
    mode: str
    server: str
    connected: bool
    durability: str
    proof: str
    aof: str
    used_memory: int | None
    maxmemory: int | None
    replicas: int | None
    nodes: int
    notes: tuple[str, ...] = ()


async def read(wire: Wire) -> ServerFacts:
    """Ask one server. Raises `StoreError` when it cannot be asked at all."""
    info = await _info(wire)
    config = await _config(wire)
    valkey = info.get("server_name") == "valkey" or "valkey_version" in info
    version = info.get("valkey_version" if valkey else "redis_version", "")
    appendonly = config.get("appendonly")
    return ServerFacts(
        node=wire.name,
        name="valkey" if valkey else _family(info),
        version=_version(version),
        role=info.get("role"),
        cluster=_flag(info.get("cluster_enabled")),
        used_memory=_number(info.get("used_memory")),
        maxmemory=_number(info.get("maxmemory")),
        eviction=info.get("maxmemory_policy"),
        aof=_flag(info.get("aof_enabled")) if appendonly is None else appendonly == "yes",
        appendfsync=config.get("appendfsync"),
        waitaof=await _can_waitaof(wire),
        replicas=_number(info.get("connected_slaves")),
    )


async def _info(wire: Wire) -> dict[str, str]:
    answer = await wire.ask(pack(("INFO",)))
    text = answer.decode("utf-8", "replace")
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


async def _config(wire: Wire) -> dict[str, str]:
    """Managed services forbid CONFIG; then nothing is known and nothing is claimed."""
    try:
        answer = await wire.ask(pack(("CONFIG", "GET", "append*")))
    except (ReplyError, StoreRefused):
        return {}
    texts = [item.decode("utf-8", "replace") for item in answer]
    return dict(zip(texts[::2], texts[1::2], strict=True))


async def _can_waitaof(wire: Wire) -> bool:
    """WAITAOF with nothing to wait for answers at once; an error says that there is no AOF or no such command."""
    try:
        answer = await wire.ask(pack(("WAITAOF", 1, 0, _PROBE_MS)))
    except (ReplyError, StoreRefused):
        return False
    return isinstance(answer, list) and len(answer) == 2


def _family(info: Mapping[str, str]) -> str:
    """Servers that speak the protocol and are neither tell on themselves."""
    for other in ("dragonfly", "keydb", "garnet"):
        if f"{other}_version" in info or info.get("server_name", "").lower() == other:
            return other
    return "redis"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


def _flag(text: str | None) -> bool | None:
    return None if text is None else text == "1"


def judge(servers: Iterable[ServerFacts], kind: Kind, durability: Durability) -> None:
    """Raise `StoreConfigError` unless every primary can hold what Madoguchi promises."""
    for server in servers:
        _judge_version(server)
        _judge_role(server, kind)
        _judge_memory(server)
        if durability is Durability.DISK:
            _judge_disk(server)
        elif durability is Durability.REPLICA:
            _judge_replicas(server)


def _judge_version(server: ServerFacts) -> None:
    needed = _NEEDED.get(server.name)
    if needed is None or server.version < needed:
        raise StoreConfigError(f"{server.node} is {server.title}; Madoguchi needs Redis 7.0 or Valkey 8.0, or later")


def _judge_role(server: ServerFacts, kind: Kind) -> None:
    if server.cluster and kind is not Kind.CLUSTER:
        raise StoreConfigError(
            f"{server.node} is part of a cluster; use a URL like redis+cluster://host:6379,host2:6379 (or rediss+cluster://)"
        )
    if server.cluster is False and kind is Kind.CLUSTER:
        raise StoreConfigError(f"{server.node} is not part of a cluster; use a URL like redis://host:6379")
    if server.role == "slave":
        raise StoreConfigError(f"{server.node} is a replica; name its primary in the URL, or use redis+sentinel://")


def _judge_memory(server: ServerFacts) -> None:
    if server.maxmemory and server.eviction != "noeviction":
        raise StoreConfigError(
            f"{server.node} deletes data when its memory is full (maxmemory-policy {server.eviction}); "
            "set maxmemory-policy noeviction there"
        )


def _judge_disk(server: ServerFacts) -> None:
    if server.aof is False or (server.aof is None and not server.waitaof):
        raise StoreConfigError(
            f"{server.node} keeps no append-only file, so durability 'disk' is impossible; "
            "set appendonly yes there, or choose durability 'memory' or 'replica'"
        )
    if server.appendfsync == "no":
        raise StoreConfigError(
            f"{server.node} leaves writing to disk to the system (appendfsync no), so durability 'disk' has no proof; "
            "set appendfsync always or everysec there"
        )
    if server.appendfsync != "always" and not server.waitaof:
        raise StoreConfigError(
            f"{server.node} ({server.title}) has no WAITAOF (Redis 7.2 has); "
            "for durability 'disk' set appendfsync always there"
        )


def _judge_replicas(server: ServerFacts) -> None:
    if server.replicas == 0:
        raise StoreConfigError(
            f"{server.node} has no replica connected, so durability 'replica' is impossible; "
            "connect one, or choose durability 'disk'"
        )


def summarise(url: str, mode: str, durability: Durability, servers: list[ServerFacts]) -> StoreFacts:
    """One picture of all primaries."""
    return StoreFacts(
        url=url,
        mode=mode,
        server=", ".join(sorted({server.title for server in servers})),
        connected=True,
        durability=durability.value,
        proof=_proof(durability, servers),
        aof=_aof(servers),
        used_memory=_sum(server.used_memory for server in servers),
        maxmemory=_sum(server.maxmemory for server in servers),
        replicas=_least(server.replicas for server in servers),
        nodes=len(servers),
        notes=tuple(_notes(servers)),
    )


def unreachable(last: StoreFacts, error: StoreError) -> StoreFacts:
    """What was last known, and that it may no longer be so."""
    known = {name: getattr(last, name) for name in StoreFacts.__dataclass_fields__}
    return StoreFacts(**known | {"connected": False, "notes": (*last.notes, str(error))})


def _proof(durability: Durability, servers: list[ServerFacts]) -> str:
    if durability is Durability.MEMORY:
        return "none"
    if durability is Durability.REPLICA:
        return "WAIT"
    always = all(server.aof and server.appendfsync == "always" for server in servers)
    return "appendfsync always" if always else "WAITAOF"


def _aof(servers: list[ServerFacts]) -> str:
    states = {"unknown" if s.aof is None else f"on, {s.appendfsync or 'unknown'}" if s.aof else "off" for s in servers}
    return ", ".join(sorted(states))


def _sum(values: Iterable[Any]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _least(values: Iterable[Any]) -> int | None:
    return min((value for value in values if value is not None), default=None)


def _notes(servers: list[ServerFacts]) -> Iterable[str]:
    for server in servers:
        if server.appendfsync is None:
            yield f"{server.node} does not let us read its configuration; appendfsync is unknown"
        if server.maxmemory == 0:
            yield f"{server.node} has no maxmemory; it will use what the machine has"
