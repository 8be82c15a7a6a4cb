"""Opening a connection: socket, TLS, login, database, name, and the barrier its writes need."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

from router.store.durability import barrier_for
from router.store.errors import ReplyError, StoreConfigError, StoreError, StoreRefused, StoreUnavailable
from router.store.resp import pack
from router.store.settings import Durability, StoreSettings
from router.store.url import Address, Endpoint
from router.store.wire import Wire

#: A peer that vanished without a word is noticed within about this many seconds, even on an idle connection.
_KEEPALIVE: Final = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 14_000}


@dataclass(frozen=True, slots=True)
class Login:
    """As whom, and into which database."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    db: int = 0

    def commands(self, name: str) -> list[tuple[str | int, ...]]:
        """What is said first on a connection."""
        said: list[tuple[str | int, ...]] = []
        if self.password is not None:
            said.append(("AUTH", self.username or "default", self.password))
        if self.db:
            said.append(("SELECT", self.db))
        return [*said, ("CLIENT", "SETNAME", name)]


class Dialer:
    """Opens wires to the servers of one store URL. Knows the secrets; shows none."""

    def __init__(self, address: Address, settings: StoreSettings) -> None:
        self.address = address
        self.settings = settings
        self.login = Login(settings.username or address.username, settings.password or address.password, address.db)
        self.sentinel_login = Login(settings.sentinel_username, settings.sentinel_password)
        self.tls = tls_context(settings) if address.tls else None

    async def open(self, endpoint: Endpoint, name: str, login: Login | None = None) -> Wire:
        """Connect and log in, within `connect_timeout_ms`.

        Raises `StoreUnavailable` when there is no way through, `StoreConfigError` when the server does not want us.
        """
        async with self._bounded(endpoint):
            wire = await self._connect(endpoint)
            try:
                await _greet(wire, endpoint, login or self.login, name)
            except BaseException:
                wire.close()
                raise
            return wire

    async def dial(self, endpoint: Endpoint, name: str, durable: bool, primary: bool = False) -> Wire:
        """`open`; with `primary` the server must say that it is one; with `durable` the wire gets its barrier."""
        wire = await self.open(endpoint, name)
        try:
            async with self._bounded(endpoint):
                if primary:
                    await _insist_on_primary(wire)
                if durable:
                    wire.gathers = True
                    await self._make_durable(wire)
        except BaseException:
            wire.close()
            raise
        return wire

    async def _make_durable(self, wire: Wire) -> None:
        """Which barrier is needed depends on this very server, so it is asked at each new connection."""
        always = self.settings.durability is Durability.DISK and await fsyncs_always(wire)
        wire.barrier = barrier_for(self.settings.durability, always, self.settings.barrier_timeout_ms)

    @contextlib.asynccontextmanager
    async def _bounded(self, endpoint: Endpoint) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.settings.connect_timeout_ms / 1000):
                yield
        except ssl.SSLCertVerificationError as error:
            raise StoreConfigError(_bad_certificate(endpoint, error)) from error
        except TimeoutError as error:
            raise StoreUnavailable(f"{endpoint.name} did not let us in within {self._patience}") from error
        except OSError as error:
            raise StoreUnavailable(f"cannot connect to {endpoint.name}: {error.strerror or error}") from error

    @property
    def _patience(self) -> str:
        return f"{self.settings.connect_timeout_ms} ms"

    async def _connect(self, endpoint: Endpoint) -> Wire:
        loop = asyncio.get_running_loop()

        def factory() -> Wire:
            return Wire(endpoint.name, self.settings.call_timeout_ms / 1000, self.settings.max_buffer_bytes)

        if endpoint.path:
            _, wire = await loop.create_unix_connection(factory, endpoint.path)
            return wire
        host = endpoint.host if self.tls is not None else None
        transport, wire = await loop.create_connection(
            factory, endpoint.host, endpoint.port, ssl=self.tls, server_hostname=host
        )
        _keep_alive(transport)
        return wire


def tls_context(settings: StoreSettings) -> ssl.SSLContext:
    """Verifies the certificate and the host name; `tls_ca_file` replaces the system's authorities."""
    ca, cert, key = settings.tls_ca_file, settings.tls_cert_file, settings.tls_key_file
    try:
        context = ssl.create_default_context(cafile=ca)
        if cert is not None:
            context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise StoreConfigError(f"TLS files of the store cannot be used (ca {ca}, cert {cert}): {error}") from error
    return context


async def _insist_on_primary(wire: Wire) -> None:
    """Around a failover the sentinels may still name the old primary."""
    role = await wire.ask(pack(("ROLE",)))
    if role[0] != b"master":
        raise StoreUnavailable(f"{wire.name} is not the primary (a failover is under way)")


async def fsyncs_always(wire: Wire) -> bool:
    """Whether this server fsyncs before it answers. False too when it will not say."""
    try:
        pairs = await wire.ask(pack(("CONFIG", "GET", "append*")))
    except (ReplyError, StoreRefused):
        return False
    found = dict(zip(pairs[::2], pairs[1::2], strict=True))
    return found.get(b"appendonly") == b"yes" and found.get(b"appendfsync") == b"always"


async def _greet(wire: Wire, endpoint: Endpoint, login: Login, name: str) -> None:
    commands = login.commands(name)
    answers = [wire.ask(pack(command)) for command in commands]
    errors = await asyncio.gather(*answers, return_exceptions=True)
    for command, error in zip(commands, errors, strict=True):
        if isinstance(error, BaseException):
            _judge(endpoint, str(command[0]), error)


def _judge(endpoint: Endpoint, command: str, error: BaseException) -> None:
    code = getattr(error, "code", "")
    if not isinstance(error, StoreError) or not code:
        raise StoreUnavailable(f"{endpoint.name} closed the connection at {command}: {error}") from error
    if "max number of clients" in str(error):
        raise StoreUnavailable(f"{endpoint.name} takes no more connections: {error}") from error
    if code == "NOAUTH":
        raise StoreConfigError(f"{endpoint.name} needs a password, or another one: {error}") from error
    if code == "WRONGPASS" or command == "AUTH":
        raise StoreConfigError(f"{endpoint.name} did not accept the user name and password: {error}") from error
    if command == "SELECT":
        raise StoreConfigError(f"{endpoint.name} has no such database: {error}") from error
    # CLIENT SETNAME is a courtesy to whoever reads CLIENT LIST; a server that forbids it is fine.


def _bad_certificate(endpoint: Endpoint, error: ssl.SSLCertVerificationError) -> str:
    return (
        f"the TLS certificate of {endpoint.name} is not trusted: {error.verify_message}; "
        "name its authority as the store's tls_ca_file, or use the host name the certificate was made for"
    )


def _keep_alive(transport: Any) -> None:
    sock = transport.get_extra_info("socket")
    if sock is None:
        return
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE.items():
            if hasattr(socket, option):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
