"""The look-up by HTTP: what it asks, what it takes of the answer, and where it does not go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.api import ProviderResponse, Secret
from connectors.kit import standard_webhooks
from contracts.contact import Contact
from contracts.identity import Claims, Identity
from router.enrich.api import Found, ProviderRequest, Trouble
from router.enrich.crm import CrmEnricher, CrmSettings, at
from router.net.http import Http
from tests.router.enrich.makes import NoOutward, asked

AT = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PERSON = Contact(
    id="ct_01_a",
    created_at=AT,
    claims=Claims(email="taro+a@example.jp", email_verified=True, phone="+819012345678", external_id="K/7 ?"),
    identities=(Identity("webchat", "site", "visitor-1", "ct_01_a"), Identity("line", "shop", "U1", "ct_01_a")),
)
ANSWER = {
    "customer": {"level": "gold", "since": 2019, "vip": True, "notes": ["a"], "name": None},
    "plans": [{"n": 1.5}],
}


class Platform:
    """Somebody's CRM."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.status = 200
        self.body = msgspec.json.encode(ANSWER)

    async def answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.method, request.raw_path, headers, await request.read()))
        return web.Response(status=self.status, body=self.body)


@pytest.fixture
async def platform() -> AsyncIterator[tuple[Platform, str]]:
    found = Platform()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", found.answer)
    async with TestServer(app) as server:
        yield found, str(server.make_url("/")).rstrip("/")


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    found = Http(allow_private=True)
    yield found
    await found.close()


def settings(url: str, **how: Any) -> CrmSettings:
    return CrmSettings(url, **{"attributes": {"tier": "customer.level"}, **how})


async def test_asked_by_what_is_known_and_read_as_declared(platform: tuple[Platform, str], http: Http) -> None:
    crm, url = platform
    places = {
        "tier": "customer.level",
        "since": "customer.since",
        "vip": "customer.vip",
        "rate": "plans.0.n",
        "name": "customer.name",
        "notes": "customer.notes",
        "none": "customer.level.deeper",
        "beyond": "plans.9",
    }
    given = settings(
        f"{url}/people/{{external_id}}?mail={{email}}&via={{address}}", attributes=places, token=Secret("t0k")
    )
    found = await CrmEnricher("crm", given, http).enrich(asked(person=PERSON))
    assert found == Found({"tier": "gold", "since": "2019", "vip": "true", "rate": "1.5"})
    ((method, path, headers, _),) = crm.requests
    assert (method, path) == ("GET", "/people/K%2F7%20%3F?mail=taro%2Ba@example.jp&via=visitor-1")
    assert headers["authorization"] == "Bearer t0k"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_signed_as_standard_webhooks(platform: tuple[Platform, str], http: Http, method: str) -> None:
    crm, url = platform
    given = settings(f"{url}/find?id={{contact}}&mail={{email}}", method=method, secret=Secret(SECRET))
    await CrmEnricher("crm", given, http).enrich(asked(person=PERSON))
    ((_, path, headers, body),) = crm.requests
    signed = body if method == "POST" else f"{url}{path}".encode()
    assert standard_webhooks.fault([standard_webhooks.key_of(SECRET)], headers, signed, datetime.now(UTC)) is None
    if method == "POST":
        known = msgspec.json.decode(body)
        assert known["email"] == "taro+a@example.jp"
        assert "phone" not in known  # nobody proved it


@pytest.mark.parametrize(("unverified", "calls"), [(False, 0), (True, 1)])
async def test_unproved_claims_are_not_asked_about(
    platform: tuple[Platform, str], http: Http, unverified: bool, calls: int
) -> None:
    crm, url = platform
    given = settings(f"{url}/{{phone}}", unverified=unverified)
    assert (await CrmEnricher("crm", given, http).enrich(asked(person=PERSON))).attributes == (
        {"tier": "gold"} if calls else {}
    )
    assert len(crm.requests) == calls


@pytest.mark.parametrize("status", [204, 404])
async def test_unknown_people_are_an_answer(platform: tuple[Platform, str], http: Http, status: int) -> None:
    platform[0].status, platform[0].body = status, b""
    assert await CrmEnricher("crm", settings(platform[1]), http).enrich(asked(person=PERSON)) == Found()


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (500, b"", "answered 500"),
        (401, b"", "answered 401"),
        (302, b"", "answered 302"),
        (200, b"<html>", "answered no JSON"),
        (200, b"[" * 100_000, "answered no JSON"),
        (200, b'"' + b"x" * 300_000 + b'"', "too_large"),
    ],
)
async def test_trouble_has_a_reason(
    platform: tuple[Platform, str], http: Http, status: int, body: bytes, reason: str
) -> None:
    platform[0].status, platform[0].body = status, body
    with pytest.raises(Trouble, match=reason):
        await CrmEnricher("crm", settings(platform[1]), http).enrich(asked(person=PERSON))


async def test_not_into_our_own_network(platform: tuple[Platform, str]) -> None:
    guarded = Http()
    for url in (platform[1], "https://127.0.0.1/x", "https://169.254.169.254/latest", "https://localhost/"):
        with pytest.raises(Trouble, match="unreachable"):
            await CrmEnricher("crm", settings(url), guarded).enrich(asked(person=PERSON))
    await guarded.close()
    assert platform[0].requests == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (settings("https://x.example/{emial}"), "url: there is no placeholder {emial}; did you mean {email}?"),
        (
            settings("https://{account}.example/"),
            "url: expected https://host/..., with placeholders only behind the host",
        ),
        (settings("ftp://x.example/"), "url: expected https://host/..., with placeholders only behind the host"),
        (settings("https://x.example/{email"), "url: expected '}' before end of string"),
        (settings("https://x.example/{email!r}"), "url: write {email} alone"),
        (settings("https://x.example/", attributes={}), "attributes: none is declared, so nothing would be learnt"),
        (settings("https://x.example/", secret=Secret("x")), "secret: expected whsec_"),
    ],
)
def test_settings_that_cannot_be_used(given: CrmSettings, sentence: str) -> None:
    with pytest.raises(ValueError) as error:
        CrmEnricher("crm", given, NoOutward())
    assert str(error.value).startswith(sentence)


async def test_enormous_values_are_cut_and_secrets_not_shown() -> None:
    class Answers(NoOutward):
        async def call(self, request: ProviderRequest, *, most: int = 0) -> ProviderResponse:
            assert "t0k" not in repr(request)
            return ProviderResponse(200, {}, msgspec.json.encode({"customer": {"level": "x" * 9_000}}))

    enricher = CrmEnricher("crm", settings("https://x.example/", token=Secret("t0k")), Answers())
    assert len((await enricher.enrich(asked(person=PERSON))).attributes["tier"]) == 500


def test_places() -> None:
    assert at({"a": [{"b": 1}]}, "a.0.b") == 1
    assert at([1], "-1") is None
    assert at({}, "") is None
