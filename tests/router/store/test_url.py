"""Store URLs: what is understood, what is refused and in which words, and that no password is ever shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from router.store.errors import StoreConfigError
from router.store.settings import StoreSettings
from router.store.url import Endpoint, Kind, mask, parse

SECRET = "s3cret-w0rd"


@pytest.mark.parametrize(
    ("url", "kind", "names", "tls", "db"),
    [
        ("redis://h", Kind.SINGLE, ["h:6379"], False, 0),
        ("redis://h:1234/3", Kind.SINGLE, ["h:1234"], False, 3),
        ("redis://h:1234/?db=4", Kind.SINGLE, ["h:1234"], False, 4),
        ("rediss://h:1234", Kind.SINGLE, ["h:1234"], True, 0),
        ("redis://[::1]:1234", Kind.SINGLE, ["[::1]:1234"], False, 0),
        ("unix:///run/a%20b.sock?db=2", Kind.SINGLE, ["/run/a b.sock"], False, 2),
        ("redis+sentinel://a,b:1/desk", Kind.SENTINEL, ["a:26379", "b:1"], False, 0),
        ("rediss+sentinel://a:1,b:2/desk/5", Kind.SENTINEL, ["a:1", "b:2"], True, 5),
        ("redis+cluster://a:7000,b:7001", Kind.CLUSTER, ["a:7000", "b:7001"], False, 0),
        ("rediss+cluster://a/0", Kind.CLUSTER, ["a:6379"], True, 0),
    ],
)
def test_understood(url: str, kind: Kind, names: list[str], tls: bool, db: int) -> None:
    address = parse(url)
    assert address.kind is kind
    assert [endpoint.name for endpoint in address.endpoints] == names
    assert (address.tls, address.db) == (tls, db)


def test_service_of_sentinels() -> None:
    assert parse("redis+sentinel://a/desk/1").service == "desk"


@pytest.mark.parametrize(
    ("url", "username", "password"),
    [
        ("redis://h", None, None),
        ("redis://:p@h", None, "p"),
        ("redis://u:p@h", "u", "p"),
        ("redis://u:p%40%2F@h", "u", "p@/"),
        ("redis://u:p@ss/w@h", "u", "p@ss/w"),
        ("unix://u:p@/run/s", "u", "p"),
        ("redis+cluster://u:p@a,b", "u", "p"),
    ],
)
def test_login(url: str, username: str | None, password: str | None) -> None:
    address = parse(url)
    assert (address.username, address.password) == (username, password)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("localhost:6379", "no scheme"),
        ("", "no scheme"),
        ("http://h", "scheme 'http' is not known"),
        ("valkey://h", "redis://user:password@host:6379/0"),
        ("redis-cluster://h", "redis+cluster://host:7000"),
        ("sentinel://h/s", "redis+sentinel://host:26379"),
        ("redis://", "not a host"),
        ("redis://h:port", "port is not a number"),
        ("redis://h:0", "port is not a number"),
        ("redis://h:70000", "port is not a number"),
        ("redis://::1:6379", "not a host"),
        ("redis://h/x", "database 'x' is not a number"),
        ("redis://h/-1", "is not a number"),
        ("redis://h/1/2", "too much after the hosts"),
        ("redis://h?timeout=3", "option 'timeout' is not known"),
        ("redis://a,b", "several hosts need a sentinel or cluster scheme"),
        ("unix://relative/path", "absolute path"),
        ("redis+sentinel://a:26379", "service name is missing"),
        ("redis+cluster://a/1", "only database 0"),
    ],
)
def test_refused_with_what_would_be_right(url: str, says: str) -> None:
    with pytest.raises(StoreConfigError) as caught:
        parse(url)
    assert says in str(caught.value)
    assert "://" in str(caught.value), "an example of a right URL"


@pytest.mark.parametrize(
    "url",
    [
        f"redis://u:{SECRET}@h:x",
        f"redis://u:{SECRET}",
        f"redis://:{SECRET}:h:1",
        f"http://u:{SECRET}@h",
        f"u:{SECRET}@h",
        f"redis://h?password={SECRET}",
        f"redis://u:{SECRET}@h/x",
        f"redis+sentinel://u:{SECRET}@a,b",
        f"unix://u:{SECRET}@relative",
    ],
)
def test_errors_never_show_the_password(url: str) -> None:
    with pytest.raises(StoreConfigError) as caught:
        parse(url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("redis://h:1/0", "redis://h:1/0"),
        ("redis://u:p@h:1/0", "redis://u:***@h:1/0"),
        ("redis://:p@h", "redis://:***@h"),
        ("redis://u@h", "redis://u@h"),
        ("redis://[::1]:6379", "redis://[::1]:6379"),
        ("redis+cluster://a:1,b:2", "redis+cluster://a:1,b:2"),
        ("unix:///run/a:b/s?db=1", "unix:///run/a:b/s?db=1"),
    ],
)
def test_mask(url: str, masked: str) -> None:
    assert mask(url) == masked


def test_nothing_that_holds_a_password_shows_it() -> None:
    settings = StoreSettings(url=f"redis://u:{SECRET}@h", password=SECRET, sentinel_password=SECRET)
    assert SECRET not in repr(settings)
    assert SECRET not in settings.url_for_display
    assert SECRET not in repr(parse(f"redis://u:{SECRET}@h"))


@pytest.mark.parametrize(
    ("text", "name"), [("h:1", "h:1"), ("::1:7000", "[::1]:7000"), ("[::1]:7000", "[::1]:7000"), (":7", "back:7")]
)
def test_endpoint_as_a_cluster_writes_it(text: str, name: str) -> None:
    assert Endpoint.from_name(text, "back").name == name


def test_the_urls_of_the_readme() -> None:
    readme = Path(__file__).parents[3] / "router" / "store" / "README.md"
    urls = re.findall(r"^\| `([a-z+]+://[^`]+)`", readme.read_text(), re.M)
    assert len(urls) == 4
    for url in urls:
        parse(url)
