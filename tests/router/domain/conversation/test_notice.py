"""What customers are told: whose words, in which language, on which way, and never twice or in vain."""

# World's properties read the state anew every time, which mypy does not believe.
# mypy: disable-error-code="unreachable, comparison-overlap"

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.codec import moment
from contracts.commands import (
    NotifyCustomer,
    ReleaseWork,
    RequestAgent,
    RequestCallback,
    UpdateContact,
    WorkAssigned,
    WorkDiverted,
)
from contracts.content import Choice, Postback, Text
from contracts.events import ConversationDiverted, ConversationStatusChanged
from contracts.inbound import InboundIdentity, Sender
from contracts.message import Message, Problem
from contracts.terms import Terms
from router.domain.conversation import ConversationRules
from router.domain.conversation.divert import takes
from router.domain.conversation.notice import filled, text_of
from router.domain.conversation.texts import BUILT_IN, CALLBACK_LABEL
from router.domain.effects import Deliver
from router.domain.policy.names import BUILT_IN_TEXTS
from tests.router.domain.conversation.world import KEY, World

OWN = Terms(
    1,
    texts={
        "busy": {"en": "Busy: {minutes} minutes at {queue}.", "ja": "{queue}は混雑しています。"},
        "late": {"fr": "Désolés."},
        "empty": {"en": "{nothing}"},
    },
    titles={"default": {"en": "Enquiries", "ja": "お問い合わせ窓口"}},
)


def begun(terms: Terms = OWN, rules: ConversationRules | None = None, **more: Any) -> tuple[World, str]:
    world = World(rules=rules or ConversationRules(handover_key=KEY))
    world.terms(terms)
    world.write("taro", **more)
    return world, world.conversation.id


def notify(world: World, text: str, once: str | None = None, **values: str) -> None:
    world.ask(NotifyCustomer(conversation=world.conversation.id, text=text, values=values, once=once))


def said(world: World) -> list[str]:
    return [words(each) for each in world.messages() if each.author == "system"]


def words(message: Message) -> str:
    (part,) = message.parts
    assert isinstance(part, Text | Choice)
    return part.text


# -- the words -------------------------------------------------------------------------------------------------------


def test_every_built_in_text_is_there_in_english_and_japanese() -> None:
    assert set(BUILT_IN) == set(BUILT_IN_TEXTS)
    for name, texts in BUILT_IN.items():
        assert set(texts) == {"en", "ja"}, name
        for text in texts.values():
            everything = filled(text, {"position": "3", "minutes": "5", "queue": "x"})
            nothing = filled(text, {})
            assert "{" not in everything and nothing.strip()


@pytest.mark.parametrize(
    ("name", "languages", "found"),
    [
        ("closed", ("ja-JP", None, None, "en"), "ja"),
        ("closed", ("JA", "en"), "ja"),
        ("closed", ("ja_JP", "en"), "ja"),
        ("closed", ("ko", None, "ja", "en"), "ja"),
        ("closed", ("jav", "en"), "en"),
        ("late", ("fr-CA", "en"), "fr"),  # the policy's own
        ("late", ("ja", "en"), "ja"),  # ours, where the policy has not got it
        ("busy", ("ko", "zh"), "en"),  # any rather than none
        ("unknown", ("en",), None),
    ],
)
def test_languages(name: str, languages: tuple[str | None, ...], found: str | None) -> None:
    text = text_of(OWN, name, languages)
    assert (text[1] if text else None) == found


@pytest.mark.parametrize(
    ("text", "values", "result"),
    [
        ("a {x} b", {"x": "1"}, "a 1 b"),
        ("a\n{x} and {y}\nb", {"x": "1"}, "a\nb"),
        ("{x}", {"x": "{y}", "y": "secret"}, "{y}"),
        ("{x.__class__} {0} {} {{x}}", {"x": "1"}, "{x.__class__} {0} {} {1}"),
        ("100 % {x!r}", {"x": "1"}, "100 % {x!r}"),
    ],
)
def test_placeholders_are_filled_and_nothing_else_is(text: str, values: dict[str, str], result: str) -> None:
    assert filled(text, values) == result


# -- telling ---------------------------------------------------------------------------------------------------------


def test_position_and_wait_are_told_and_nothing_else_changes() -> None:
    world, _ = begun(language="ja")
    before = world.conversation
    notify(world, "position", position="3", minutes="5")
    assert said(world) == [filled(BUILT_IN["position"]["ja"], {"position": "3", "minutes": "5"})]
    after = world.conversation
    assert after.waiting_since == before.waiting_since and after.first_response_at is None and after.status == "open"
    message = world.messages()[-1]
    assert (message.direction, message.flags, message.author) == ("outbound", ("automatic",), "system")
    assert [effect.message for effect in world.deliver()] == [message.id]
    assert world.conversation.sending == ()
    world.check()


@pytest.mark.parametrize(
    ("language", "contact", "rules", "expected"),
    [
        ("ja", None, {}, "ja"),
        (None, "ja", {}, "ja"),
        ("en", "ja", {}, "en"),
        (None, None, {"languages": {"line": "ja"}}, "ja"),
        (None, None, {"language": "ja"}, "ja"),
        (None, None, {}, "en"),
    ],
)
def test_in_the_customers_language(language: str | None, contact: str | None, rules: Any, expected: str) -> None:
    world, _ = begun(rules=ConversationRules(handover_key=KEY, **rules), language=language)
    if contact is not None:
        world.ask(UpdateContact(contact=world.contact.id, language=contact))
    notify(world, "closed")
    assert said(world) == [BUILT_IN["closed"][expected]]


def test_own_texts_with_the_queues_title() -> None:
    world, id = begun()
    world.ask(WorkDiverted(conversation=id, to="mail", queue="default", text="busy"))
    assert said(world) == []  # a line with a placeholder that has no value, and nothing else
    notify(world, "busy", minutes="7")
    notify(world, "busy", minutes="7", queue="here")
    notify(world, "empty")
    notify(world, "no such text")
    assert said(world) == ["Busy: 7 minutes at Enquiries.", "Busy: 7 minutes at here."]
    world.check()


def test_never_twice_for_the_same_once() -> None:
    world, _ = begun()
    for once in ("a", "a", "b", None, None):
        notify(world, "closed", once=once)
    assert len(said(world)) == world.story().count("message.queued") == 4
    world.check()


def test_on_the_way_they_used_last() -> None:
    world, _ = begun()
    world.link(world.contact.id, "t@x.jp", "email")
    world.store.advance(seconds=1)
    world.write("t@x.jp", channel="email")
    world.answer(world.conversation.id, by="agent:a", channel="line")
    notify(world, "closed")
    assert world.messages()[-1].channel == "email"


def test_nobody_who_cannot_be_reached_is_told() -> None:
    world, _ = begun()
    world.arrive(InboundIdentity(Sender("taro"), reachable=False, reason="blocked"))
    notify(world, "closed")
    assert said(world) == [] and world.store.effects(Deliver) == []


def test_news_of_waiting_is_out_of_date_when_somebody_has_it_or_it_is_over() -> None:
    world, id = begun()
    world.assign(id, "hanako")
    notify(world, "position", position="1")
    world.ask(WorkDiverted(conversation=id, to="resolve", queue="default", text="closed"))
    assert world.conversation.status == "open"
    world.status(id, "resolved")
    notify(world, "closed")
    world.ask(WorkDiverted(conversation=id, to="mail", queue="default"))
    assert said(world) == [] and world.conversation.status == "resolved"
    world.ask(NotifyCustomer(conversation="cv_00_x", text="closed"))


def test_a_notice_that_failed_makes_nobody_wait() -> None:
    world, id = begun()
    world.answer(id)
    world.deliver()
    notify(world, "closed")
    world.deliver("failed", problem=Problem("unreachable", "away"))
    assert world.conversation.waiting_since is None


def test_a_conversation_that_cannot_be_sent_to_is_not_filled_with_notices() -> None:
    world, _ = begun()
    for _ in range(30):
        notify(world, "closed")
    assert len(said(world)) == 20


# -- something else than waiting -------------------------------------------------------------------------------------


def offered(language: str = "en", **more: Any) -> tuple[World, str]:
    world, id = begun(language=language)
    world.ask(WorkDiverted(conversation=id, to="callback", queue="default", **more))
    return world, id


def diverted(world: World) -> list[tuple[str, Any, Any]]:
    return [(event.to, event.callback_at, event.address) for event in world.store.events(kind=ConversationDiverted)]


def test_a_call_back_is_offered_with_a_button() -> None:
    world, _ = offered("ja")
    (part,) = world.messages()[-1].parts
    assert isinstance(part, Choice) and part.text == BUILT_IN["callback"]["ja"]
    assert [(option.label, option.value) for option in part.options] == [(CALLBACK_LABEL["ja"], "callback")]
    assert world.conversation.diverted == "callback" and diverted(world) == [("callback", None, None)]
    assert "callback" not in world.conversation.tags
    world.check()


@pytest.mark.parametrize(
    ("parts", "taken"),
    [
        ((Postback("callback"),), True),
        ((Postback("callback", label="Contact me later"),), True),
        ((Postback("other", label="x"),), False),
        ((Text("Callback!"),), True),
        ((Text(" ＣＡＬＬ　ＢＡＣＫ "),), True),
        ((Text("please call me back."),), True),
        ((Text("折り返し"),), True),
        ((Text("「折り返し」"),), True),
        ((Text("折り返しをお願いします。"),), True),
        ((Text("折り返しは要りません"),), False),
        ((Text("do not call me back"),), False),
        ((Text("はい"),), False),
        ((), False),
    ],
)
def test_taking_the_offer(parts: Any, taken: bool) -> None:
    assert takes(parts) is taken


def test_who_takes_the_offer_keeps_their_place() -> None:
    world, id = offered()
    since = world.conversation.waiting_since
    world.store.advance(seconds=30)
    world.write("taro", "what?")
    assert len(diverted(world)) == 1
    world.write("taro", "Call me back")
    world.write("taro", "call me back")
    assert diverted(world) == [("callback", None, None)] * 2
    assert world.conversation.tags == ("callback",) and world.conversation.waiting_since == since
    assert said(world)[-1] == BUILT_IN["callback_noted"]["en"] and len(said(world)) == 2
    request = world.told(RequestAgent)[-1]
    assert (request.trigger, request.waiting_since, request.facts.tags) == ("callback", since, ("callback",))
    world.assign(id, "hanako")
    world.status(id, "resolved")
    assert world.conversation.tags == () and world.conversation.diverted is None
    world.check()


def test_without_an_offer_the_word_is_a_word() -> None:
    world, _ = begun()
    world.write("taro", "callback")
    assert diverted(world) == [] and world.conversation.tags == ()
    world, id = offered()
    world.assign(id, "hanako")
    world.write("taro", "callback")
    assert len(diverted(world)) == 1 and world.conversation.diverted is None


def test_another_channel_or_a_call_back_when_the_wait_is_long() -> None:
    world, _ = begun()
    notify(world, "alternative", once="alternative", minutes="40")
    (part,) = world.messages()[-1].parts
    assert isinstance(part, Choice) and "40" in part.text
    assert world.conversation.diverted == "callback" and diverted(world) == [("callback", None, None)]
    world.write("taro", parts=(Postback("callback"),))
    assert world.conversation.tags == ("callback",)
    world.check()


@pytest.mark.parametrize("to", ["voicemail", "mail"])
def test_leaving_word(to: Any) -> None:
    world, id = begun(language="ja")
    world.ask(WorkDiverted(conversation=id, to=to, queue="later"))
    assert said(world) == [BUILT_IN[to]["ja"]] and world.conversation.diverted == to
    assert isinstance(world.messages()[-1].parts[0], Text) and world.conversation.queue == "later"
    world.check()


@pytest.mark.parametrize(("text", "told"), [("closed", [BUILT_IN["closed"]["en"]]), (None, [])])
def test_the_end(text: str | None, told: list[str]) -> None:
    world, id = begun()
    world.ask(WorkDiverted(conversation=id, to="resolve", queue="default", text=text))
    assert said(world) == told and world.conversation.status == "resolved"
    assert world.store.events(kind=ConversationStatusChanged)[-1].by == "policy"
    world.deliver()
    world.write("taro")
    assert world.conversation.status == "open" and world.conversation.reopened == 1
    world.check()


def test_called_back_at_a_time() -> None:
    world, id = begun()
    since = world.conversation.waiting_since
    at = moment(world.store.now_ms) + timedelta(hours=2)
    world.ask(RequestCallback(conversation=id, at=at, address="+81312345678", by="token:site"))
    now = world.conversation
    assert (now.status, now.snoozed_until, now.callback_at) == ("snoozed", at, at)
    assert now.attributes == {"callback_address": "+81312345678"} and now.waiting_since == since
    assert diverted(world) == [("callback", at, "+81312345678")]
    assert [each.reason for each in world.told(ReleaseWork)] == ["callback"]
    world.ask(WorkAssigned(conversation=id, agent="hanako", queue="default"))  # it crossed the release
    assert world.conversation.agent is None
    world.store.advance(seconds=7199)
    assert len(world.told(RequestAgent)) == 1
    world.store.advance(seconds=1)
    request = world.told(RequestAgent)[-1]
    assert (request.trigger, request.waiting_since, request.facts.text) == ("callback", since, "hello")
    assert world.conversation.status == "open" and world.conversation.callback_at is None
    world.check()


@pytest.mark.parametrize("how", ["write", "open", "transfer", "waiting"])
def test_called_back_sooner(how: str) -> None:
    world, id = begun()
    at = moment(world.store.now_ms) + timedelta(hours=2)
    world.ask(RequestCallback(conversation=id, at=at))
    if how == "write":
        world.write("taro")
    else:
        world.status(id, "open" if how == "transfer" else how)
    world.store.advance(seconds=10_000)
    assert len(world.told(RequestAgent)) == 2 and world.conversation.callback_at is None


def test_put_off_again_and_over() -> None:
    world, id = begun()
    world.ask(RequestCallback(conversation=id, at=moment(world.store.now_ms) + timedelta(hours=2)))
    world.status(id, "snoozed", in_s=100)
    assert world.conversation.callback_at == world.conversation.snoozed_until
    world.store.advance(seconds=99)
    assert len(world.told(RequestAgent)) == 1
    world.store.advance(seconds=1)
    assert len(world.told(RequestAgent)) == 2
    world.ask(RequestCallback(conversation=id, at=moment(world.store.now_ms) + timedelta(hours=2)))
    world.status(id, "resolved")
    world.store.advance(seconds=10_000)
    assert len(world.told(RequestAgent)) == 2 and world.conversation.callback_at is None


def test_calls_back_that_cannot_be() -> None:
    world, id = begun()
    world.status(id, "resolved")
    world.ask(RequestCallback(conversation=id, id="cm_1"), RequestCallback(conversation="cv_00_x", id="cm_2"))
    kinds = [problem.kind for each in ("cm_1", "cm_2") if (problem := world.store.outcome(each).problem) is not None]
    assert kinds == ["conflict", "not_found"]
