"""The mapped connector: the README's three blocks against the conformance kit, and everything that a block can say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook as Judge
from svix.webhooks import Webhook as Svix

import connectors.mapped
from connectors.api import Batch, Failed, Ignored, Malformed, Parsed, ProviderResponse, Refused, Request, Sent, Verified
from connectors.kit import standard_webhooks
from connectors.kit.signatures import hmac_sha256, hmac_sha256_base64
from connectors.mapped import MappedConnector
from connectors.mapped.simulator import ChatSimulator, MappedSimulator, SmsSimulator, TicketSimulator
from connectors.registry import RegistryError, settings_of
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from contracts.attachment import Attachment
from contracts.content import Image, Text
from contracts.inbound import InboundEdit, InboundMessage, InboundReaction

CASES: Final = Path(__file__).parent / "cases"
NOW: Final = case_files.NOW
PROVIDER: Final = "https://provider.example.com"
README: Final = Path(connectors.mapped.__file__).with_name("README.md")


class TestSms(ConnectorConformance):
    connector = MappedConnector
    cases = CASES / "sms"
    settings = SmsSimulator.sample(PROVIDER)
    address = "+818012345678"
    least_inbound = 5
    least_outbound = 5
    codes = ("1", "6", "7", "9")

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        return {"x-gateway-signature": hmac_sha256(b"secret-shared-with-the-gateway", body).hex()}


class TestChat(ConnectorConformance):
    connector = MappedConnector
    cases = CASES / "chat"
    settings = ChatSimulator.sample(PROVIDER)
    stale_after_s = 300
    echoes = True
    least_inbound = 10
    least_outbound = 10
    codes = ("chat_closed", "blocked", "too_long")

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        seconds = str(int(at.timestamp()))
        signed = hmac_sha256_base64(b"signing-secret-of-the-app", b"v0:" + seconds.encode() + b":" + body)
        return {"x-chat-time": seconds, "x-chat-signature": "v0=" + signed.decode()}


class TestTickets(ConnectorConformance):
    connector = MappedConnector
    cases = CASES / "tickets"
    settings = TicketSimulator.sample(PROVIDER)
    address = "requester-7"
    stale_after_s = 300
    echoes = True
    least_inbound = 5
    least_outbound = 5
    codes = (423,)

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        keys = [standard_webhooks.key_of(str(self.settings["secret"]))]
        return standard_webhooks.headers(keys, "evt_case", at, body)


# -- the README -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "simulator"), [("sms", SmsSimulator), ("chat", ChatSimulator), ("tickets", TicketSimulator)]
)
def test_the_readme_shows_what_the_simulators_speak(account: str, simulator: type[MappedSimulator]) -> None:
    blocks = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", README.read_text("utf-8"), re.DOTALL)]
    (shown,) = [block["accounts"][account] for block in blocks if account in block["accounts"]]
    assert shown == {"connector": "mapped", **simulator.sample(PROVIDER)}


# -- judges -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("judge", [Judge, Svix])
def test_what_the_libraries_sign_is_taken(judge: Any) -> None:
    made = mapped("tickets")
    body = b'{"event":"comment.created"}'
    signature = judge(TicketSimulator.sample("")["secret"]).sign("msg_1", NOW, body.decode())
    seconds = str(int(NOW.timestamp()))
    headers = {"webhook-id": "msg_1", "webhook-timestamp": seconds, "webhook-signature": signature}
    assert isinstance(made.verify(request(body, headers)), Verified)
    assert isinstance(made.verify(request(body + b" ", headers)), Refused)


# -- proofs -----------------------------------------------------------------------------------------------------------


def mapped(example: str = "chat", **changed: Any) -> MappedConnector:
    """A connector of one of the examples, tables merged with what is changed."""
    simulators = {"sms": SmsSimulator, "chat": ChatSimulator, "tickets": TicketSimulator}
    return made(simulators[example].sample(PROVIDER), changed)


def made(settings: dict[str, Any], changed: dict[str, Any] | None = None) -> MappedConnector:
    merged = _merged(settings, changed or {})
    return MappedConnector("main", settings_of(MappedConnector, merged, "main"))  # type: ignore[arg-type]


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = {**old, **new}
    for name, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(name), dict):
            both[name] = _merged(old[name], value)
    return {name: value for name, value in both.items() if value is not None}


def request(body: bytes, headers: dict[str, str], url: str = "https://x/in/main") -> Request:
    return Request("POST", "", {}, headers, body, NOW, url)


PLAIN: Final[dict[str, Any]] = {
    "secret": "s3cret-of-theirs",
    "verify": {"by": "token"},
    "receive": {"id": "id", "sender": "from", "text": "text"},
}


@pytest.mark.parametrize(
    ("verify", "header", "value", "good"),
    [
        ({"by": "token", "prefix": "Bearer "}, "authorization", "Bearer s3cret-of-theirs", True),
        ({"by": "token", "prefix": "Bearer "}, "authorization", "bearer s3cret-of-theirs", False),
        ({"by": "token", "prefix": "Bearer "}, "authorization", "Bearer s3cret-of-them", False),
        ({"by": "token", "header": "X-Key"}, "x-key", "s3cret-of-theirs", True),
        ({"by": "token", "header": "X-Key"}, "authorization", "s3cret-of-theirs", False),
        ({"by": "basic", "username": "hook"}, "authorization", "Basic aG9vazpzM2NyZXQtb2YtdGhlaXJz", True),
        ({"by": "basic", "username": "hook"}, "authorization", "Basic aG9vazpzM2NyZXQ=", False),
        ({"by": "basic", "username": "other"}, "authorization", "Basic aG9vazpzM2NyZXQtb2YtdGhlaXJz", False),
        ({"by": "token"}, "authorization", "", False),
        ({"by": "token"}, "authorization", "あ", False),
    ],
)
def test_tokens(verify: dict[str, Any], header: str, value: str, good: bool) -> None:
    found = made({**PLAIN, "verify": verify}).verify(request(b"{}", {header: value}))
    assert isinstance(found, Verified) is good


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "hex_upper", "base64"])
@pytest.mark.parametrize("signed", ["{body}", "{timestamp}{body}", "{url}|{body}"])
def test_hmacs(algorithm: str, encoding: str, signed: str) -> None:
    stamped = {"timestamp_header": "X-Time", "timestamp_in": "ms"} if "timestamp" in signed else {}
    verify = {"by": "hmac", "header": "X-Sign", "algorithm": algorithm, "encoding": encoding, "signed": signed}
    connector = made({**PLAIN, "verify": {**verify, **stamped}})
    at = str(int(NOW.timestamp() * 1_000))
    text = {"{body}": "{}", "{timestamp}{body}": at + "{}", "{url}|{body}": "https://x/in/main?a=1|{}"}[signed]
    digest = hmac.new(b"s3cret-of-theirs", text.encode(), getattr(hashlib, algorithm)).digest()
    written = {"hex": digest.hex(), "hex_upper": digest.hex().upper(), "base64": base64.b64encode(digest).decode()}
    headers = {"x-sign": written[encoding], "x-time": at}
    url = "https://x/in/main?a=1"
    assert isinstance(connector.verify(request(b"{}", headers, url)), Verified)
    assert isinstance(connector.verify(request(b"{ }", headers, url)), Refused)
    if signed == "{url}|{body}":
        assert isinstance(connector.verify(request(b"{}", headers, url + "2")), Refused)
    if stamped:
        for wrong in ("", "x", at[:-3], "9" * 30, "١٧٨٩٣٤٤٠٠٠٠٠٠"):
            assert isinstance(connector.verify(request(b"{}", {**headers, "x-time": wrong})), Refused), wrong


def test_either_secret_is_taken_while_it_changes() -> None:
    connector = made({**PLAIN, "secret": "new-secret-of-theirs", "previous_secret": PLAIN["secret"]})
    for value in ("new-secret-of-theirs", "s3cret-of-theirs"):
        assert isinstance(connector.verify(request(b"{}", {"authorization": value})), Verified)


# -- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"recieve": {}}, "no setting 'recieve'; did you mean 'receive'?"),
        ({"receive": {"sendr": "x"}}, "no setting 'receive.sendr'; did you mean 'sender'?"),
        ({"receive": {"file": {"link": "x"}}}, "no setting 'receive.file.link'"),
        ({"send": {"answer": {"errror": {}}}}, "no setting 'send.answer.errror'; did you mean 'errors'?"),
        ({"receive": {"sender": "from["}}, "receive: sender: 'from[' is no path"),
        ({"receive": {"text": ""}}, "receive: text: '' is no path"),
        ({"receive": {"kinds": {"a": "massage"}}}, "receive: kinds.a: 'massage' is not known here; did you mean"),
        ({"receive": {"id": None}}, "receive: id: say where their id is"),
        ({"receive": {"id_header": "X-Id"}}, "receive: id: say where their id is"),
        ({"receive": {"kind": None}}, "receive: kind: it needs kinds"),
        ({"receive": {"latitude": "a"}}, "receive: latitude: it goes together"),
        ({"receive": {"file": {"headers": {"a": "{token}"}}}}, "receive.file: hosts: say to whom"),
        ({"receive": {"file": {"headers": {"a": "{text}"}, "hosts": ["x"]}}}, "receive.file: headers.a: 'text'"),
        ({"verify": {"by": "query"}}, "verify: by: a secret in the URL, or none, proves nothing"),
        ({"verify": {"by": "hmack"}}, "verify: by: 'hmack' is not known here; did you mean 'hmac'?"),
        ({"verify": {"algorithm": "md5"}}, "verify: algorithm: 'md5' is not known here"),
        ({"verify": {"signed": "{timestamp}"}}, "verify: signed: without {body}"),
        ({"verify": {"signed": "{boddy}"}}, "verify: signed: 'boddy' is not known here; did you mean 'body'?"),
        ({"verify": {"timestamp_header": None}}, "verify: timestamp_header: it is needed"),
        ({"verify": {"header": None}}, "verify: header: which header"),
        ({"send": {"url": "https://{to}.example.com"}}, "send: url: it begins with https:// and a host that is fixed"),
        ({"send": {"body": {"text": "{txt}"}}}, "send: body.text: 'txt' is not known here; did you mean 'text'?"),
        ({"send": {"body": {"a": {"b": ["{text"]}}}}, "send: body.a.b[0]: a '{' without its partner"),
        ({"send": {"headers": {"X": "{text}"}}}, "send: headers.X: 'text' is not known here"),
        ({"send": {"body": '{"text": "{text}"}'}}, "send: body: write a table"),
        ({"send": {"body": "{text}"}}, "send: body: write a table"),
        ({"send": {"body": {"text": None, "a": "b"}}}, "send: body: nothing in it"),
        ({"send": {"headers": {"Idempotency-Key": "x"}}}, "send: idempotent: then every call has {key}"),
        ({"send": {"file": {"body": {"file": None}}}}, "send: file: nothing in it says {file_url}"),
        ({"send": {"answer": {"errors": {"x": "optedout"}}}}, "errors.x: 'optedout' is not known here; did you mean"),
        ({"send": {"format": "form"}}, "send: body: a form is a flat table"),
        ({"token": None}, "token: {token} is used, and no token set"),
        ({"link": "https://x"}, "link: it should have {text}"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(RegistryError) as caught:
        mapped("chat", **changed)
    assert told in str(caught.value)
    assert "signing-secret" not in str(caught.value)


# -- paths ------------------------------------------------------------------------------------------------------------


def parsed(receive: dict[str, Any], body: Any, headers: dict[str, str] | None = None) -> Parsed:
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return made({**PLAIN, "receive": receive}).parse(request(data, headers or {}))


def event(receive: dict[str, Any], body: Any, headers: dict[str, str] | None = None) -> Any:
    found = parsed(receive, body, headers)
    assert isinstance(found, Batch), found
    (only,) = found.events
    return only


def test_numbers_are_ids_and_texts() -> None:
    found = event(PLAIN["receive"], {"id": 7, "from": 81, "text": 1.5})
    assert (found.provider_id, found.sender.address, found.parts) == ("7", "81", (Text("1.5"),))


def test_the_id_may_be_in_a_header() -> None:
    receive = {"id_header": "Webhook-Id", "sender": "from", "text": "text"}
    assert event(receive, {"from": "a", "text": "b"}, {"webhook-id": "m"}).provider_id == "m"
    assert isinstance(parsed(receive, {"from": "a", "text": "b"}), Malformed)


def test_functions_and_alternatives() -> None:
    receive = {"id": "id", "sender": "from.number || from.mail", "text": "join(' ', lines[*].words)"}
    body = {"id": "1", "from": {"mail": "a@b"}, "lines": [{"words": "やあ"}, {"words": "どうも"}]}
    found = event(receive, body)
    assert (found.sender.address, found.parts) == ("a@b", (Text("やあ どうも"),))
    assert isinstance(parsed(receive, {**body, "lines": [{"words": 1}]}), Malformed), "join wants texts"


@pytest.mark.parametrize(
    ("unit", "value", "iso"),
    [
        ("iso", "2026-09-14T09:00:00+09:00", "2026-09-14T00:00:00+00:00"),
        ("iso", "2026-09-14T00:00:00.123456Z", "2026-09-14T00:00:00.123000+00:00"),
        ("iso", "2026-09-14 00:00:00", "2026-09-14T00:00:00+00:00"),
        ("s", 1789344000, "2026-09-14T00:00:00+00:00"),
        ("s", "1789344000.5", "2026-09-14T00:00:00.500000+00:00"),
        ("ms", "1789344000000", "2026-09-14T00:00:00+00:00"),
        ("s", "x", None), ("s", 1e300, None), ("s", "nan", None), ("s", "inf", None), ("ms", -1, None),
        ("iso", "yesterday", None), ("iso", "0001-01-01T00:00:00+14:00", None), ("iso", "9999-12-31", None),
        ("s", True, None), ("s", [1], None),
    ],
)  # fmt: skip
def test_times(unit: str, value: Any, iso: str | None) -> None:
    receive = {**PLAIN["receive"], "time": "at", "time_in": unit}
    found = parsed(receive, {"id": "1", "from": "a", "text": "b", "at": value})
    if iso is None:
        assert isinstance(found, Malformed) and "receive.time" in found.reason
        return
    assert isinstance(found, Batch) and isinstance(found.events[0], InboundMessage)
    assert found.events[0].sent_at is not None and found.events[0].sent_at.isoformat() == iso


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"id": "1", "text": "b"}, "receive.sender: there is nothing"),
        ({"id": None, "from": "a", "text": "b"}, "receive.id: there is nothing"),
        ({"id": {"x": 1}, "from": "a", "text": "b"}, "receive.id: expected text"),
        ({"id": "1", "from": "a", "text": ["b"]}, "receive.text: expected text"),
        ({"id": "1", "from": "a"}, "neither text, files, a place nor a picked option"),
        ({"id": "1" * 513, "from": "a", "text": "b"}, "receive.id: an id has at most"),
        ({"id": "1", "from": "a\n", "text": "b"}, "receive.sender: an id has at most"),
        ([], "expected an object"),
        ("x", "expected an object"),
        (b"\xff", "no UTF-8"),
    ],
)
def test_what_does_not_fit_is_malformed(body: Any, reason: str) -> None:
    found = parsed(PLAIN["receive"], body)
    assert isinstance(found, Malformed) and reason in found.reason


def test_one_bad_item_does_not_take_the_others_along() -> None:
    receive = {**PLAIN["receive"], "each": "all"}
    found = parsed(
        receive, {"all": [{"id": "1", "from": "a", "text": "一"}, {"id": "2"}, {"id": "3", "from": "a", "text": "三"}]}
    )
    assert isinstance(found, Batch)
    assert [each.provider_id for each in found.events if isinstance(each, InboundMessage)] == ["1", "3"]
    assert found.ignored == ("receive.sender: there is nothing",)
    assert isinstance(parsed(receive, {"all": []}), Ignored)
    assert isinstance(parsed(receive, {"all": [{}] * 1_001}), Malformed)


@pytest.mark.parametrize(
    ("files", "file", "told"),
    [
        ("files", {}, "receive.file.url"),
        ("files[].href", {}, "https://x.example/a.png"),
        ("files", {"url": "href", "type": "mime", "name": "n", "size": "bytes"}, "https://x.example/a.png"),
    ],
)
def test_files(files: str, file: dict[str, str], told: str) -> None:
    receive = {**PLAIN["receive"], "files": files, "file": file}
    body = {
        "id": "1",
        "from": "a",
        "files": [{"href": "https://x.example/a.png", "mime": "image/PNG; q=1", "bytes": "12"}],
    }
    found = parsed(receive, body)
    if isinstance(found, Malformed):
        assert told in found.reason
        return
    assert isinstance(found, Batch) and isinstance(found.events[0], InboundMessage)
    (part,) = found.events[0].parts
    assert part.attachment.source == told  # type: ignore[union-attr]
    assert isinstance(part, Image) is ("type" in file)
    for url in ("file:///etc/passwd", "javascript:1", "https://a b", 7, ""):
        assert isinstance(parsed(receive, {**body, "files": [{"href": url}]}), Malformed), url


def test_forms_with_repeated_fields_and_garbage() -> None:
    receive = {"format": "form", "id": "id", "sender": "from", "text": "text", "files": "media"}
    found = event(receive, b"id=1&from=a&media=https://x/1&media=https://x/2&text=%E3%81%82+b")
    assert found.parts[0] == Text("あ b") and len(found.parts) == 3
    for body in (b"id=%ff", b"\xff", b"&".join([b"a=b"] * 1_001), b"", b"id"):
        assert isinstance(parsed(receive, body), Malformed), body


def test_a_reaction_without_emoji_takes_all_back_and_an_edit_without_time_is_now() -> None:
    receive = {**PLAIN["receive"], "emoji": "e", "kind": "k", "kinds": {"r": "reaction", "e": "edit"}}
    gone = event(receive, {"id": "1", "from": "a", "k": "r"})
    assert isinstance(gone, InboundReaction) and (gone.emoji, gone.removed) == ("", True)
    edit = event(receive, {"id": "1", "from": "a", "k": "e", "text": "新"})
    assert isinstance(edit, InboundEdit) and edit.sent_at == NOW


# -- answering --------------------------------------------------------------------------------------------------------


def outbound(*parts: Any, **more: Any) -> Any:
    message = case_files.Message(parts, more.pop("address", "user-1"))
    return msgspec.structs.replace(case_files.outbound_of(message, "main", "mapped", parts), **more)


NASTY: Final = '"}, {"admin": true}&to=other#?\r\nX-Evil: 1 {token} {{to}} ../..'


@pytest.mark.parametrize("example", ["sms", "chat", "tickets"])
def test_nobodys_words_break_out(example: str) -> None:
    connector = mapped(example)
    (call,) = connector.render(outbound(Text(NASTY), address="a/../b?c=d&e", author_name=NASTY, reply_to=NASTY))  # type: ignore[misc]
    assert ".." not in call.url.replace("%2F..%2F", "") and "?" not in call.url
    told = case_files.call_of(call).body
    assert connector.settings.token is not None and connector.settings.token.reveal() not in call.body.decode()
    if example == "sms":
        assert "%7Btoken%7D" in told and told.count("&") == 3
    else:
        said = told["text"] if example == "chat" else told["comment"]["plain"]
        assert said == NASTY and "admin" not in told
    assert not any("\n" in value for value in {**call.headers, **call.secret_headers}.values())


def test_brackets_that_are_meant() -> None:
    connector = mapped("chat", send={"body": {"text": "{{{text}}} {{to}}"}})
    (call,) = connector.render(outbound(Text("x")))  # type: ignore[misc]
    assert case_files.call_of(call).body["text"] == "{x} {to}"


def test_long_texts_go_in_several_calls_with_keys_of_their_own() -> None:
    connector = mapped("chat", send={"text_limit": 20})
    calls = connector.render(outbound(Text("あ" * 45), Text("い")))
    assert not isinstance(calls, Failed)
    assert [call.covers for call in calls] == [0, 0, 1, 1]
    assert len({call.headers["idempotency-key"] for call in calls}) == 4


def test_plain_text_gets_and_secrets_in_urls() -> None:
    send = {"method": "GET", "url": "https://sms.example.com/send?key={token}&to={to}&text={text}", "format": "text"}
    connector = made({**PLAIN, "token": "to/ken", "send": send})
    (call,) = connector.render(outbound(Text("あ&b")))  # type: ignore[misc]
    assert (call.method, call.body) == ("GET", b"") and call.url.endswith("?key=to%2Fken&to=user-1&text=%E3%81%82%26b")
    assert "to%2Fken" not in repr(call) and call.secret_part == "to%2Fken"


def test_a_url_that_lacks_a_value_is_refused_before_sending() -> None:
    connector = mapped("chat", send={"url": f"{PROVIDER}/{{thread}}/{{to}}"})
    failed = connector.render(outbound(Text("x")))
    assert isinstance(failed, Failed) and "{thread}" in failed.problem.sentence


def test_an_account_without_send_only_receives() -> None:
    failed = made(PLAIN).render(outbound(Text("x")))
    assert isinstance(failed, Failed) and failed.problem.kind == "config"


def test_said_twice_is_said() -> None:
    connector = mapped("chat", send={"answer": {"errors": {"409": "sent"}}})
    (call,) = connector.render(outbound(Text("x")))  # type: ignore[misc]
    assert connector.interpret(call, ProviderResponse(409, {}, b'{"message":{"id":7}}')) == Sent(("7",))


def test_headers_for_files_go_to_known_hosts_only() -> None:
    headers = {"headers": {"Authorization": "Bearer {token}"}, "hosts": ["files.example.com"]}
    connector = mapped("chat", receive={"file": headers})
    for url, sent in (
        ("https://files.example.com/1", {"Authorization": "Bearer token-of-the-app"}),
        ("http://files.example.com/1", {}),
        ("https://evil.example.com/files.example.com", {}),
        ("https://files.example.com@evil.example.com/", {}),
    ):
        call = connector.media_request(Attachment("at_1", source=url))
        assert call is not None and (call.url, dict(call.secret_headers)) == (url, sent)
    assert connector.media_request(Attachment("at_1", source="https://[")) is None
    assert connector.media_request(Attachment("at_1")) is None


def test_handover_link() -> None:
    assert mapped("chat", link="https://c.example/?t={text}").handover_link("a b") == "https://c.example/?t=a%20b"
