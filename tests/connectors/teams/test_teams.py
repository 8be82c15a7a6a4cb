"""The Teams connector against the conformance kit, and against Microsoft's botframework-connector as a judge."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import jwt
import msgspec
import pytest
from botbuilder.schema import Activity
from botframework.connector.auth import (
    AuthenticationConfiguration,
    AuthenticationConstants,
    ChannelValidation,
    JwtTokenExtractor,
    SimpleCredentialProvider,
)
from botframework.connector.auth.jwt_token_extractor import _OpenIdMetadata
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from connectors import teams
from connectors.api import (
    Failed,
    Outbound,
    ProviderRequest,
    ProviderResponse,
    Refused,
    Request,
    Sent,
    Supplied,
    Then,
    Uncertain,
    Verified,
)
from connectors.registry import settings_of
from connectors.teams import TeamsConnector
from connectors.teams.outbound import CODES
from connectors.teams.simulator import KID
from connectors.teams.token import KEYS, TOKEN
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from contracts.attachment import Attachment
from contracts.content import Choice, Option, Part, Text
from contracts.conversation import Reach
from contracts.identity import Profile, ReplyContext

APP: Final = "00000000-1111-2222-3333-444444444444"
SERVICE: Final = "https://smba.trafficmanager.net/teams/"
NOW: Final = case_files.NOW
CASES: Final = Path(__file__).parent / "cases"
JWK: Final = json.loads(Path(teams.__file__).with_name("simulated_key.json").read_bytes())
PRIVATE: Final[Any] = RSAAlgorithm.from_jwk(JWK)
STRANGER: Final = rsa.generate_private_key(65537, 2048)
PUBLIC: Final = {name: JWK[name] for name in ("kty", "n", "e")}
SUPPLIED: Final = {KEYS: msgspec.json.encode({KID: {**PUBLIC, "kid": KID, "endorsements": ["msteams"]}})}
SETTINGS: Final = {"app_id": APP, "app_password": "client-secret-of-the-app", "tenant": "99999999-8888"}


def claims(at: datetime = NOW, **changed: Any) -> dict[str, Any]:
    seconds = int(at.timestamp())
    usual = {"iss": "https://api.botframework.com", "aud": APP, "nbf": seconds, "exp": seconds, "serviceurl": SERVICE}
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def bearer(said: dict[str, Any], key: Any = PRIVATE, algorithm: str = "RS256", kid: str | None = KID) -> dict[str, str]:
    return {"authorization": f"Bearer {jwt.encode(said, key, algorithm, {'kid': kid} if kid else {})}"}


class TestTeams(ConnectorConformance):
    connector = TeamsConnector
    cases = CASES
    settings = SETTINGS  # type: ignore[assignment]
    other_settings = {"app_id": "another-app-altogether"}  # noqa: RUF012
    address = "a:1-personal-chat"
    compares_secrets = False
    stale_after_s = 300
    supplied = SUPPLIED
    proofs = ("authorization",)
    echoes = True
    least_inbound = 25
    least_outbound = 15
    codes = (*CODES, 400, 401, 403, 404, 412, 413, 429, 500, 502, 503, 504)

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        return bearer(claims(at))


def made(**settings: Any) -> TeamsConnector:
    return TeamsConnector("main", settings_of(TeamsConnector, {**SETTINGS, **settings}, "main"))  # type: ignore[arg-type]


# -- Microsoft's own verification as the judge ------------------------------------------------------------------------

ORIGIN: Final = {"serviceUrl": SERVICE, "channelId": "msteams"}
HS256: Final = "k" * 32

# The recipe of channels: what Microsoft's SDK accepts and refuses; each row is given to both.
TOKENS: Final[dict[str, tuple[dict[str, Any], dict[str, str], bool]]] = {
    "good": ({}, {}, True),
    "another audience": ({"aud": "somebody-else"}, {}, False),
    "another issuer": ({"iss": "https://sts.windows.net/x/"}, {}, False),
    "over for six minutes": ({"exp": -360}, {}, False),
    "over for four minutes": ({"exp": -240}, {}, True),
    "good in six minutes": ({"nbf": 360}, {}, False),
    "good in four minutes": ({"nbf": 240}, {}, True),
    "another service": ({}, {"serviceUrl": "https://smba.trafficmanager.net/emea/"}, False),
    "the claim in camel case": ({"serviceurl": None, "serviceUrl": SERVICE}, {}, False),
    "another channel": ({}, {"channelId": "slack"}, False),
}


def _case(name: str, at: datetime) -> tuple[dict[str, str], dict[str, str], bool]:
    changed, origin, good = TOKENS[name]
    seconds = int(at.timestamp())
    times = {key: seconds + changed[key] for key in ("exp", "nbf") if key in changed}
    return bearer(claims(at, **{"exp": seconds + 3_600, **changed, **times})), {**ORIGIN, **origin}, good


@pytest.mark.parametrize("name", TOKENS)
def test_we_take_what_microsoft_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime.now(UTC)  # the judge looks at the clock
    headers, origin, good = _case(name, at)
    request = Request("POST", "", {}, headers, json.dumps(origin).encode(), at, "", supplied=SUPPLIED)
    assert isinstance(made().verify(request), Verified) is good
    metadata = _OpenIdMetadata(METADATA)
    metadata.keys = [{**PUBLIC, "kid": KID, "endorsements": ["msteams"]}]
    metadata.last_updated = datetime.now()  # noqa: DTZ005 - as the library keeps it
    monkeypatch.setitem(JwtTokenExtractor.metadataCache, METADATA, metadata)
    assert asyncio.run(_judged(headers["authorization"], origin)) is good


async def _judged(header: str, origin: dict[str, str]) -> bool:
    check = ChannelValidation.authenticate_channel_token_with_service_url
    known, settings = SimpleCredentialProvider(APP, ""), AuthenticationConfiguration()
    try:
        return (await check(header, known, origin["serviceUrl"], origin["channelId"], settings)).is_authenticated
    except Exception:
        return False  # it has many ways to refuse


METADATA: Final = AuthenticationConstants.TO_BOT_FROM_CHANNEL_OPENID_METADATA_URL


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "no bearer token"),
        ({"authorization": "Bearer"}, "no bearer token"),
        ({"authorization": "Bearer " + "a" * 20_000}, "no bearer token"),
        ({"authorization": "Bearer あ"}, "no bearer token"),
        ({"authorization": bearer(claims())["authorization"].replace("Bearer", "bearer")}, "no bearer token"),
        ({"authorization": "Bearer a.b.c"}, "none of RS256"),
        ({"authorization": "Bearer ...."}, "none of RS256"),
        (bearer(claims(), HS256, "HS256"), "none of RS256"),
        (bearer(claims(), None, "none"), "none of RS256"),
        (bearer(claims(), kid=None), "none of RS256"),
        (bearer(claims(), STRANGER), "not signed with its key"),
        (bearer(claims(exp=None)), "not signed with its key"),
        (bearer(claims(exp="soon")), "not signed with its key"),
        (bearer(claims(aud=[APP])), "not signed with its key"),
        (bearer(claims(), kid="another"), "is not known"),
    ],
)  # fmt: skip
def test_what_is_no_token_of_theirs(headers: dict[str, str], reason: str) -> None:
    request = Request("POST", "", {}, headers, json.dumps(ORIGIN).encode(), NOW, "", supplied=SUPPLIED)
    found = made().verify(request)
    assert isinstance(found, Refused) and reason in found.reason and found.status == 403
    assert (found.renew == KEYS) is ("not known" in reason)


def test_without_keys_we_ask_for_them() -> None:
    request = Request("POST", "", {}, bearer(claims()), json.dumps(ORIGIN).encode(), NOW, "")
    found = made().verify(request)
    assert isinstance(found, Refused) and (found.renew, found.status) == (KEYS, 503)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://smba.trafficmanager.net/emea/tenant/", True),
        ("https://smba.infra.gcc.teams.microsoft.com/teams", True),
        ("http://smba.trafficmanager.net/teams/", False),
        ("https://smba.trafficmanager.net:8443/teams/", False),
        ("https://smba.trafficmanager.net.evil.example/", False),
        ("https://smba.trafficmanager.net@evil.example/", False),
        ("https://user@smba.trafficmanager.net/", False),
        ("https://evil.example/?smba.trafficmanager.net", False),
        ("https://169.254.169.254/", False),
        ("https://[", False),
        ("https://smba.trafficmanager.net:x/", False),
        ("", False),
    ],
)
def test_our_token_goes_to_teams_only(url: str, good: bool) -> None:
    connector = made()
    request = Request(
        "POST", "", {}, bearer(claims(serviceurl=url)), json.dumps({**ORIGIN, "serviceUrl": url}).encode(), NOW, "",
        supplied=SUPPLIED,
    )  # fmt: skip
    assert isinstance(connector.verify(request), Verified) is good, "it may not even be heard"
    (call,) = calls(Text("x"), via=url)
    base = url.rstrip("/") if good else "https://smba.trafficmanager.net/teams"
    assert call.url == f"{base}/v3/conversations/a%3A1-personal-chat/activities"
    fetch = connector.media_request(Attachment("at_1", source=url or "https://x"))
    assert fetch is not None and bool(fetch.needs) is good
    out = connector.authorise(fetch, NOW, "", {TOKEN: b"secret-token"})
    assert ("authorization" in out.secret_headers) is good


def test_another_service_of_ones_own() -> None:
    settings = made(service_url="http://127.0.0.1:9/teams/").settings
    assert settings.serves("http://127.0.0.1:9/other") and not settings.serves("http://127.0.0.1:10/teams/")
    assert settings.serves("https://smba.trafficmanager.net/teams/")


# -- keys and tokens --------------------------------------------------------------------------------------------------


def test_keys_come_in_two_steps_and_from_one_place() -> None:
    keys, token = made().supplies()
    where = {"issuer": "https://api.botframework.com", "jwks_uri": "https://login.botframework.com/v1/.well-known/keys"}
    then = made().read_supply(KEYS, ProviderResponse(200, {}, json.dumps(where).encode()))
    assert isinstance(then, Then) and then.request.url == where["jwks_uri"]
    jwks = {"keys": [{**PUBLIC, "kid": KID, "x5c": ["..."], "endorsements": ["msteams"]}, {"kid": "ec", "kty": "EC"}]}
    found = made().read_supply(KEYS, ProviderResponse(200, {}, json.dumps(jwks).encode()))
    assert isinstance(found, Supplied) and list(json.loads(found.value)) == [KID] and found.life_s == 86_400
    elsewhere = json.dumps({"jwks_uri": "https://evil.example/keys"}).encode()
    for status, body in ((200, elsewhere), (200, b"[]"), (404, b"{}"), (200, b'{"jwks_uri":"https://["}')):
        wrong = made().read_supply(KEYS, ProviderResponse(status, {}, body))
        assert isinstance(wrong, Failed) and wrong.problem.kind == "bad_answer"
    assert (keys.pause_s, keys.name, token.name) == (3_600.0, KEYS, TOKEN)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, '{"token_type":"Bearer","expires_in":3599,"access_token":"eyJ0"}', "3599"),
        (200, '{"access_token":"eyJ0"}', "3600"),
        (200, "{}", "config"),
        (200, '{"access_token":"a\\r\\nb"}', "config"),
        (401, '{"error":"invalid_client","error_description":"AADSTS7000215 ..."}', "config"),
        (400, '{"error":"unauthorized_client"}', "config"),
        (429, "", "unreachable"),
        (503, "", "unreachable"),
    ],
)
def test_tokens(status: int, body: str, kind: str) -> None:
    found = made().read_supply(TOKEN, ProviderResponse(status, {}, body.encode()))
    told = (
        found.problem.kind if isinstance(found, Failed) else f"{found.life_s:g}" if isinstance(found, Supplied) else ""
    )
    assert told == kind
    if isinstance(found, Failed) and status == 401:
        assert "invalid_client" in found.problem.sentence


def test_the_log_in_is_asked_as_documented_and_shows_nothing() -> None:
    request = made().probe_request()
    assert request.url == "https://login.microsoftonline.com/99999999-8888/oauth2/v2.0/token"
    assert b"grant_type=client_credentials" in request.body and b"client_secret=client-secret" in request.body
    assert "client-secret" not in repr(request)


# -- Microsoft's objects as the judge of payloads ---------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(case_files.inbound_cases(CASES)))
def test_the_sdk_knows_the_payloads_of_our_cases(name: str) -> None:
    case = case_files.inbound_cases(CASES)[name]
    if case.result == "malformed":
        return
    body = json.loads(case.payload())
    activity = Activity().deserialize(body)
    assert activity.type == body["type"] and activity.service_url == body["serviceUrl"]
    unknown = set(body) - {value["key"] for value in Activity._attribute_map.values()}
    assert not unknown, "no field that the SDK does not know"


@pytest.mark.parametrize("name", sorted(case_files.outbound_cases(CASES)))
def test_the_sdk_would_send_the_same(name: str) -> None:
    for call in case_files.outbound_cases(CASES)[name].calls:
        if call.url.endswith("/activities"):
            assert Activity().deserialize(call.body).serialize() == call.body


# -- sending ----------------------------------------------------------------------------------------------------------


def outbound(*parts: Part, **more: Any) -> Outbound:
    given = {name: more.pop(name) for name in ("media", "reply_to", "extra", "thread") if name in more}
    message = case_files.Message(parts, more.pop("address", "a:1-personal-chat"), **given)
    ready = case_files.outbound_of(message, "main", "teams", parts)
    reply = ReplyContext(via=more.pop("via", None))
    return msgspec.structs.replace(ready, reach=msgspec.structs.replace(ready.reach, reply=reply), **more)


def calls(*parts: Part, **more: Any) -> list[ProviderRequest]:
    found = made().render(outbound(*parts, **more))
    assert not isinstance(found, Failed), found
    return list(found)


def test_an_activity_that_is_too_large_is_refused() -> None:
    options = tuple(Option(f"{number}", "あ" * 20_000) for number in range(3))
    found = made().render(outbound(Choice("?", options)))
    assert isinstance(found, Failed) and found.problem.kind == "too_large"


def test_a_person_is_written_to_by_a_conversation_made_for_it() -> None:
    (call,) = calls(Text("お知らせです"), address="29:1-person")
    assert call.url == "https://smba.trafficmanager.net/teams/v3/conversations"
    then = made().interpret(call, ProviderResponse(201, {}, b'{"id":"a:new"}'))
    assert isinstance(then, Then) and then.request.needs == (TOKEN,)
    sent = made().interpret(then.request, ProviderResponse(201, {}, b'{"id":"1789344000001"}'))
    assert sent == Sent(("a:new/1789344000001",))
    refused = made().interpret(call, ProviderResponse(200, {}, b"{}"))
    assert isinstance(refused, Failed) and refused.problem.kind == "bad_answer"


def test_a_limit_is_the_conversations_own() -> None:
    (call,) = calls(Text("x"))
    failed = made().interpret(call, ProviderResponse(429, {"retry-after": "7"}))
    assert isinstance(failed, Failed) and failed.person and failed.retry_after_s == 7


def test_after_a_gateways_time_out_nobody_knows() -> None:
    (call,) = calls(Text("x"))
    for status in (500, 504):
        assert isinstance(made().interpret(call, ProviderResponse(status)), Uncertain)


def test_extras() -> None:
    (call,) = calls(Text("x"), extra={"importance": "urgent", "summary": "新着", "alert": True})
    body = json.loads(call.body)
    assert (body["importance"], body["summary"]) == ("urgent", "新着") and body["channelData"]["notification"]["alert"]
    failed = made().render(outbound(Text("x"), extra={"colour": "red"}))
    assert isinstance(failed, Failed) and failed.problem.kind == "unsupported"


def test_what_is_asked_in_a_card_is_no_markdown() -> None:
    (call,) = calls(Choice("**太字**と[リンク](x)", (Option("a", "b"),)))
    text = json.loads(call.body)["attachments"][0]["content"]["body"][0]["text"]
    assert text == "\\*\\*太字\\*\\*と\\[リンク\\](x)"


# -- the rest ---------------------------------------------------------------------------------------------------------


def test_profiles() -> None:
    alone = made().profile_request("a:1", None)
    member = made().profile_request("19:x@thread.tacv2", "29:1/2")
    assert alone is not None and alone.url.endswith("/v3/conversations/a%3A1/pagedmembers?pageSize=50")
    assert member is not None and member.url.endswith("/v3/conversations/19%3Ax%40thread.tacv2/members/29%3A1%2F2")
    assert made().profile_request("19:x@thread.tacv2", None) is None, "nobody in particular"
    one = {"id": "29:1", "name": "山田花子", "email": "hanako@example.com"}
    for body, found in (
        ({"members": [one]}, Profile("山田花子")), (one, Profile("山田花子")),
        ({"members": [one, one]}, None), ({"members": []}, None), ([], None), ({"id": "29:1"}, None),
    ):  # fmt: skip
        assert made().read_profile(ProviderResponse(200, {}, json.dumps(body).encode())) == found
    assert made().read_profile(ProviderResponse(404, {}, b"{}")) is None


def test_typing() -> None:
    reach = Reach("teams", "main", "19:x@thread.tacv2", NOW, thread="19:x@thread.tacv2;messageid=1")
    call = made().typing_in(reach, True)
    assert call is not None and json.loads(call.body) == {"type": "typing"}
    assert call.url.endswith("/v3/conversations/19%3Ax%40thread.tacv2%3Bmessageid%3D1/activities")
    assert made().typing_in(reach, False) is None


def test_times_with_any_zone_are_utc() -> None:
    body = json.loads(case_files.inbound_cases(CASES)["personal"].payload())
    for given in ("2026-09-14T09:00:00.1234567+09:00", "2026-09-14T00:00:00.1230001Z", "2026-09-14T00:00:00.123"):
        data = json.dumps({**body, "timestamp": given}).encode()
        parsed: Any = made().parse(Request("POST", "", {}, {}, data, NOW + timedelta(1), ""))
        assert parsed.events[0].sent_at == datetime(2026, 9, 14, 0, 0, 0, 123_000, UTC)
