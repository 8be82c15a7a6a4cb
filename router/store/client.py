"""The redis-py client for the cold path: administration, scans, tools, tests.

It never retries by itself. redis-py's default sends every command up to eleven times, writes included, and a
lost answer then means a second entry.
"""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from router.store.dial import Dialer
from router.store.url import Kind

_MAX_CONNECTIONS: Final = 16

Client = Redis | RedisCluster


def make_client(dialer: Dialer) -> Client:
    """A client for the same servers. Replies are bytes in redis-py's unified shapes (`legacy_responses=False`)."""
    kind = dialer.address.kind
    if kind is Kind.CLUSTER:
        return _cluster(dialer)
    return _behind_sentinels(dialer) if kind is Kind.SENTINEL else _single(dialer)


async def close_client(client: Client) -> None:
    """Close it, and the clients of the sentinels that redis-py leaves open."""
    await client.aclose()
    sentinel = getattr(getattr(client, "connection_pool", None), "sentinel_manager", None)
    for each in () if sentinel is None else sentinel.sentinels:
        await each.aclose()


def no_retries() -> Retry:
    """Sent once."""
    return Retry(NoBackoff(), 0)


def _options(dialer: Dialer) -> dict[str, Any]:
    settings = dialer.settings
    return {
        "username": dialer.login.username,
        "password": dialer.login.password,
        "socket_timeout": settings.call_timeout_ms / 1000,
        "socket_connect_timeout": settings.connect_timeout_ms / 1000,
        "retry": no_retries(),
        "legacy_responses": False,
        "decode_responses": False,
    }


def _tls_files(dialer: Dialer) -> dict[str, Any]:
    settings = dialer.settings
    return {
        "ssl_ca_certs": _text(settings.tls_ca_file),
        "ssl_certfile": _text(settings.tls_cert_file),
        "ssl_keyfile": _text(settings.tls_key_file),
        "ssl_check_hostname": True,
    }


def _text(path: object) -> str | None:
    return None if path is None else str(path)


def _single(dialer: Dialer) -> Redis:
    options = _options(dialer) | {"db": dialer.login.db}
    endpoint = dialer.address.endpoints[0]
    if endpoint.path:
        options |= {"connection_class": UnixDomainSocketConnection, "path": endpoint.path}
    elif dialer.tls is not None:
        options |= {"connection_class": SSLConnection, "host": endpoint.host, "port": endpoint.port}
        options |= _tls_files(dialer)
    else:
        options |= {"connection_class": Connection, "host": endpoint.host, "port": endpoint.port}
    # Waits for a free connection; the default pool raises a ConnectionError at once, as if the server were gone.
    pool = BlockingConnectionPool(
        max_connections=_MAX_CONNECTIONS, timeout=dialer.settings.call_timeout_ms / 1000, **options
    )
    return Redis.from_pool(pool)


def _behind_sentinels(dialer: Dialer) -> Redis:
    tls = {"ssl": True, **_tls_files(dialer)} if dialer.tls is not None else {}
    options = _options(dialer) | {"db": dialer.login.db} | tls
    asking = _options(dialer) | tls
    asking |= {"username": dialer.sentinel_login.username, "password": dialer.sentinel_login.password}
    hosts = [(endpoint.host, endpoint.port) for endpoint in dialer.address.endpoints]
    sentinel = Sentinel(hosts, sentinel_kwargs=asking, **options)  # type: ignore[no-untyped-call]
    client: Redis = sentinel.master_for(dialer.address.service)
    return client


def _cluster(dialer: Dialer) -> RedisCluster:
    nodes = [ClusterNode(endpoint.host, endpoint.port) for endpoint in dialer.address.endpoints]
    tls = {"ssl": True, **_tls_files(dialer)} if dialer.tls is not None else {}
    return RedisCluster(
        startup_nodes=nodes,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        **_options(dialer),
        **tls,
    )
