"""Store URLs: one line that says which servers, how they are arranged, and as whom.

`redis://` `rediss://` (TLS) `unix://` for one server, `redis+sentinel://` and `rediss+sentinel://` for a service behind
sentinels, `redis+cluster://` and `rediss+cluster://` for a cluster.
"""

from __future__ import annotations

import difflib
import enum
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from router.store.errors import StoreConfigError

_DEFAULT_PORT = {"single": 6379, "sentinel": 26379, "cluster": 6379}
_EXAMPLES = {
    "redis": "redis://user:password@host:6379/0",
    "rediss": "rediss://user:password@host:6380/0",
    "unix": "unix:///run/valkey/valkey.sock?db=0",
    "redis+sentinel": "redis+sentinel://host:26379,host2:26379/service-name/0",
    "rediss+sentinel": "rediss+sentinel://host:26379,host2:26379/service-name/0",
    "redis+cluster": "redis+cluster://host:7000,host2:7001",
    "rediss+cluster": "rediss+cluster://host:7000,host2:7001",
}
#: Names people bring from other clients.
_ALIASES = {"valkey": "redis", "valkeys": "rediss", "redis+unix": "unix", "redis+socket": "unix", "redis+tls": "rediss"}
#: What follows a colon (not inside an IPv6 address) and is not a port may be a password without its `@host`.
_ODD_PORT = re.compile(r":(?!\d{1,5}(?:[,/?]|$))(?![^\[]*\])[^,/?]*")
_OPTION_VALUE = re.compile(r"([?&](?!db=)[^=&]*)=[^&]*")
_HOST = re.compile(r"^(?:\[(?P<v6>[0-9A-Fa-f:.%]+)\]|(?P<name>[^\[\]:]+))(?::(?P<port>[^:]*))?$")


class Kind(enum.Enum):
    """How the servers are arranged."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place to connect to: a host and port, or a unix socket path (then `host` is empty)."""

    host: str = ""
    port: int = 0
    path: str = ""

    @property
    def name(self) -> str:
        """`host:port`, `[v6]:port` or the path."""
        if self.path:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def from_name(cls, name: str, fallback_host: str = "") -> Endpoint:
        """From a node's address as a cluster writes it (`host:port`, an unbracketed IPv6 address too)."""
        host, _, port = name.rpartition(":")
        return cls(host=host.strip("[]") or fallback_host, port=int(port))


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed store URL. `service` is the sentinels' name of the primary."""

    kind: Kind
    endpoints: tuple[Endpoint, ...]
    tls: bool = False
    service: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def mask(url: str) -> str:
    """The URL with its password, and whatever else might be one, replaced by `***`; safe for logs and errors."""
    scheme, sep, rest = url.rpartition("://")
    login, at, where = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    masked = _OPTION_VALUE.sub(r"\1=***", where)
    if not where.startswith("/"):
        masked = _ODD_PORT.sub(":***", masked)
    return f"{scheme}{sep}{user}{':***' if colon else ''}{at}{masked}"


def parse(url: str) -> Address:
    """Parse a store URL.

    Raises `StoreConfigError` naming what is wrong and what would be right; never with the password.
    """
    scheme, rest = _scheme(url)
    login, _, where = rest.rpartition("@")
    username, password = _login(login)
    where, query_db = _query(url, scheme, where)
    if scheme == "unix":
        address = Address(Kind.SINGLE, (_socket(url, where),), db=query_db or 0)
    else:
        address = _networked(url, scheme, where, query_db)
    return _as(address, username, password)


def _as(a: Address, username: str | None, password: str | None) -> Address:
    return Address(a.kind, a.endpoints, a.tls, a.service, a.db, username, password)


def _scheme(url: str) -> tuple[str, str]:
    scheme, sep, rest = url.strip().partition("://")
    if not sep:
        raise StoreConfigError(f"store URL {mask(url)!r} has no scheme; a right one is {_EXAMPLES['redis']!r}")
    if scheme not in _EXAMPLES:
        right = _ALIASES.get(scheme) or next(iter(difflib.get_close_matches(scheme, _EXAMPLES, 1, 0.5)), "redis")
        raise _wrong(url, f"scheme {scheme!r} is not known", right)
    return scheme, rest


def _wrong(url: str, what: str, scheme: str) -> StoreConfigError:
    return StoreConfigError(f"store URL {mask(url)!r}: {what}; a right one is {_EXAMPLES[scheme]!r}")


def _login(login: str) -> tuple[str | None, str | None]:
    user, _, password = login.partition(":")
    return unquote(user) or None, unquote(password) or None


def _query(url: str, scheme: str, where: str) -> tuple[str, int | None]:
    where, _, query = where.partition("?")
    db: int | None = None
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name != "db":
            raise _wrong(url, f"option {name!r} is not known, only 'db' is", scheme)
        db = _db(url, scheme, value)
    return where, db


def _db(url: str, scheme: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise _wrong(url, f"database {text!r} is not a number from 0 up", scheme)
    return int(text)


def _socket(url: str, where: str) -> Endpoint:
    if not where.startswith("/"):
        raise _wrong(url, "a unix socket needs an absolute path", "unix")
    return Endpoint(path=unquote(where))


def _networked(url: str, scheme: str, where: str, query_db: int | None) -> Address:
    base, _, kind_text = scheme.partition("+")
    kind = Kind(kind_text or "single")
    hosts, _, path = where.partition("/")
    endpoints = tuple(_endpoint(url, scheme, kind, host) for host in hosts.split(","))
    if kind is Kind.SINGLE and len(endpoints) > 1:
        raise _wrong(url, "several hosts need a sentinel or cluster scheme", f"{base}+cluster")
    service, db = _path(url, scheme, kind, path.rstrip("/"))
    db = query_db if query_db is not None else db
    if kind is Kind.CLUSTER and db:
        raise _wrong(url, f"a cluster has only database 0, not {db}", scheme)
    return Address(kind, endpoints, base == "rediss", service, db)


def _endpoint(url: str, scheme: str, kind: Kind, text: str) -> Endpoint:
    found = _HOST.match(text)
    if found is None:
        raise _wrong(url, f"{mask(text)!r} is not a host or host:port (percent-encode '@', '/' in a password)", scheme)
    port = found["port"]
    if port is None:
        return Endpoint(found["v6"] or unquote(found["name"]), _DEFAULT_PORT[kind.value])
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise _wrong(url, "the port is not a number from 1 to 65535", scheme)
    return Endpoint(found["v6"] or unquote(found["name"]), int(port))


def _path(url: str, scheme: str, kind: Kind, path: str) -> tuple[str, int]:
    parts = [unquote(part) for part in path.split("/") if part]
    if kind is not Kind.SENTINEL:
        return "", _only_db(url, scheme, parts)
    if not parts:
        raise _wrong(url, "the sentinels' service name is missing after the hosts", scheme)
    return parts[0], _only_db(url, scheme, parts[1:])


def _only_db(url: str, scheme: str, parts: list[str]) -> int:
    if len(parts) > 1:
        raise _wrong(url, f"too much after the hosts: {'/'.join(parts)!r}", scheme)
    return _db(url, scheme, parts[0]) if parts else 0
