"""The base of fake providers: schedules, faults, tokens and keys, step by step without a clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from connectors.api import ProviderRequest, ProviderResponse
from connectors.registry import NoSimulator, settings_of, simulator_of
from connectors.testing.cases import NOW
from connectors.testing.provider import WAIT, Call, Delivery, Media, json_answer
from contracts.content import Location
from tests.connectors.testing.broken.gateway import PHONE, TOKEN, Gateway, GatewaySimulator

LATER = NOW + timedelta(days=30)


def made(**more: Any) -> GatewaySimulator:
    settings: Any = settings_of(Gateway, GatewaySimulator.sample("https://api"), "main")
    return GatewaySimulator(settings, "https://us/in/main", **more)


def send(text: str = "x", key: str = "k", token: str = TOKEN) -> ProviderRequest:
    body = msgspec.json.encode({"to": PHONE, "text": text})
    secret = {"Authorization": f"Bearer {token}"}
    return ProviderRequest("POST", "https://api/messages?a=1", {"Idempotency-Key": key}, secret, body)


def texts(deliveries: list[Delivery]) -> list[str]:
    return [msgspec.json.decode(each.request.body)["events"][0]["text"] for each in deliveries]


def test_a_call_is_seen_whole_and_a_broken_rule_noted() -> None:
    provider = made()
    assert provider.handle(send(token="no"), NOW).status == 401
    (call,) = provider.calls
    assert (call.method, call.path, call.query, call.segments) == ("POST", "/messages", {"a": "1"}, ["messages"])
    assert call.headers["idempotency-key"] == "k" and call.at == NOW
    assert provider.complaints == ["wrong token"] and provider.reached == []
    assert "x" not in repr(call)


def test_webhooks_that_were_not_taken_come_again_by_the_schedule() -> None:
    provider = made()
    provider.say("もしもし", NOW)
    now = NOW
    for wait in provider.retries_s:
        (delivery,) = provider.due(now)
        assert provider.due(now) == [], "it is on its way"
        provider.answered(delivery, ProviderResponse(503), now)
        assert provider.next_due() == now + timedelta(seconds=wait)
        assert provider.due(now + timedelta(seconds=wait - 1)) == []
        now += timedelta(seconds=wait)
    (delivery,) = provider.due(now)
    provider.answered(delivery, ProviderResponse(failure="timeout"), now)
    assert (delivery.webhook.state, provider.due(LATER), provider.next_due()) == ("given up", [], None)


def test_speed_shortens_the_schedule() -> None:
    provider = made(speed=60.0)
    provider.say("x", NOW)
    (delivery,) = provider.due(NOW)
    provider.answered(delivery, ProviderResponse(500), NOW)
    assert provider.next_due() == NOW + timedelta(seconds=1)


def test_a_taken_webhook_comes_again_only_when_asked_to() -> None:
    provider = made()
    provider.say("一", NOW)
    (delivery,) = provider.due(NOW)
    provider.answered(delivery, ProviderResponse(200), NOW)
    assert provider.due(LATER) == []
    provider.redeliver()
    (again,) = provider.due(LATER)
    assert again.webhook.again and again.request.body == delivery.request.body
    assert again.request.headers["x-time"] != delivery.request.headers["x-time"], "signed anew"


def test_doubled_and_out_of_order() -> None:
    provider = made()
    provider.duplicate(2)
    provider.say("一", NOW)
    provider.disorder(3)
    for text in ("二", "三"):
        provider.say(text, NOW)
    assert texts(provider.due(NOW)) == ["一"] * 3
    provider.say("四", NOW)
    provider.say("五", NOW)
    assert texts(provider.due(NOW)) == ["四", "三", "二", "五"]


def test_faults_happen_to_sends_in_their_order_and_then_all_is_well() -> None:
    provider = made()
    provider.throttle(1, retry_after_s=3)
    provider.fail(502)
    provider.lose(1)
    provider.lose(1, how="timeout", acts=False)
    other = ProviderRequest("GET", "https://api/messages", {}, {"authorization": f"Bearer {TOKEN}"}, b'{"to":"x"}')
    assert provider.handle(other, NOW).status == 200
    answers = [provider.handle(send(f"{number}"), NOW) for number in range(5)]
    assert [each.failure or each.status for each in answers] == [429, 502, "reset", "timeout", 200]
    assert answers[0].headers["retry-after"] == "3"
    assert provider.texts() == ["2", "4"]


def test_a_key_is_carried_out_once() -> None:
    provider = made()

    def act() -> ProviderResponse:
        return json_answer(200, {"id": provider.reach(PHONE, "x", {})})

    first = provider.once("k", b"1", act)
    assert provider.once("k", b"1", act, lambda earlier: json_answer(409, {})).status == 409
    assert provider.once("k", b"1", act) == first and len(provider.reached) == 1
    assert provider.complaints == []
    provider.once("k", b"2", act)
    assert provider.complaints == ["the same idempotency key came with another body"]
    assert provider.once(None, b"1", act) != provider.once(None, b"1", act)


def test_a_refused_key_may_be_used_again() -> None:
    provider = made()
    provider.once("k", b"1", lambda: json_answer(400, None))
    assert provider.once("k", b"1", lambda: json_answer(200, None)).status == 200


def test_tokens_and_windows_end() -> None:
    provider = made()
    provider.now = NOW
    provider.grant("reply", "someone", 60, uses=1)
    provider.grant("window", "open", 60)
    assert [provider.spend("reply"), provider.spend("reply"), provider.spend("never")] == ["someone", None, None]
    assert provider.spend("window") == provider.spend("window") == "open"
    provider.now = NOW + timedelta(seconds=60)
    assert provider.spend("window") is None
    provider.grant("window", "open", 60)
    provider.expire()
    assert provider.spend("window") is None


def test_files_may_take_their_time() -> None:
    provider = made()
    provider.media["f"] = Media(b"data", pending=1)
    told = [provider.file("f"), provider.file("f"), provider.file("g")]
    assert [each and each.pending for each in told] == [1, 0, None]


def test_what_customers_cannot_send_is_said() -> None:
    with pytest.raises(ValueError, match="cannot send a location"):
        made().say(Location(1.0, 2.0), NOW)


def test_a_long_poll_is_asked_again() -> None:
    class Slow(GatewaySimulator):
        def answer(self, call: Call) -> ProviderResponse:
            return WAIT if self.now - call.at < timedelta(seconds=5) else json_answer(200, [])

    settings: Any = settings_of(Gateway, GatewaySimulator.sample("https://api"), "main")
    provider = Slow(settings, "")
    assert provider.handle(send(), NOW) is WAIT
    assert provider.resume(provider.calls[0], NOW + timedelta(seconds=5)).status == 200
    assert len(provider.calls) == 1


@pytest.mark.parametrize(
    "where", [None, "tests.connectors.testing.broken.gateway:Nobody", "no.such:Thing", "nonsense", ""]
)
def test_a_simulator_that_is_not_there(where: str | None) -> None:
    cls = type("Lost", (Gateway,), {"simulator": where})
    with pytest.raises(NoSimulator, match="gateway"):
        simulator_of(cls)
