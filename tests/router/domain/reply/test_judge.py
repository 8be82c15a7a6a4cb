"""The reply policy by table: windows, tokens, what is carried and how, and who could say it instead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.api import NATIVE, ChoiceRule, Manifest, MediaRule, Quota, degraded, refused
from connectors.api.manifest import TextUnit
from connectors.kit.text import graphemes, size, split
from connectors.testing.samples import CLUSTERS
from contracts.attachment import Attachment
from contracts.contact import Contact
from contracts.content import KINDS, Choice, Image, Option, Part, Sticker, Template, Text
from contracts.conversation import Reach
from contracts.identity import Identity, ReplyContext
from router.domain.reply.facts import Condition, ReplyFacts
from router.domain.reply.judge import judge, ranked
from router.domain.reply.templates import Approved, MessageTemplate, faults, language_of, said
from router.domain.reply.ways import way_of, ways_of

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEXTS = {**dict.fromkeys(KINDS, degraded("a text")), "text": NATIVE, "call": refused("no calls")}


def manifest(name: str, **more: Any) -> Manifest:
    return Manifest(name=name, title=name.title(), title_ja=name, channel_class="chat", **{"carries": TEXTS, **more})


WHATSAPP = manifest(
    "whatsapp",
    carries={**dict.fromkeys(KINDS, NATIVE), "sticker": refused("no stickers")},
    reply_window_s=86_400,
    after_window="template",
    text_limit=4_096,
)
MESSENGER = manifest("messenger", reply_window_s=86_400, agent_window_s=7 * 86_400)
LINE = manifest("line", reply_tokens=True, billed_push=True, text_limit=5_000, text_unit="utf16")
SMS = manifest("sms", text_limit=160, billed_push=True)
EMAIL = manifest("email", carries={**dict.fromkeys(KINDS, degraded("a text")), "text": NATIVE, "image": NATIVE})
SHIPPED = MessageTemplate(
    texts={"ja": "ご注文 {number} を発送しました。", "en": "Your order {number} has shipped."},
    params=("number",),
    channels={"whatsapp": Approved("order_shipped_v2", {"en": "en_US"})},
)
FACTS = ReplyFacts({each.name: each for each in (WHATSAPP, MESSENGER, LINE, SMS, EMAIL)}, {"shipped": SHIPPED}, "en")
TEMPLATE = Template("shipped", "", {"number": "7"})


def reach(channel: str, ago: timedelta = HOUR, **more: Any) -> Reach:
    return Reach(channel, channel, f"{channel}-taro", NOW - ago, **more)


def verdict(where: Reach, *parts: Part, person: bool = True, **more: Any) -> Any:
    way = way_of(FACTS, where, None, NOW, person=person, condition=more.get("condition"))
    return judge(FACTS, way, parts or (Text("hello"),), NOW, **more)


TOKEN = ReplyContext(token="t", token_expires_at=NOW + timedelta(seconds=30))
SPENT = ReplyContext(token="t", token_expires_at=NOW - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("where", "person", "allowed", "by", "kind"),
    [
        (reach("whatsapp"), True, True, "window", None),
        (reach("whatsapp", 25 * HOUR), True, False, None, "window_closed"),
        (reach("whatsapp", HOUR, ours=True), True, False, None, "window_closed"),
        (reach("whatsapp", 25 * HOUR, reply=ReplyContext(window_expires_at=NOW + HOUR)), True, True, "window", None),
        (reach("whatsapp", reply=ReplyContext(window_expires_at=NOW - HOUR)), True, False, None, "window_closed"),
        (reach("messenger", 25 * HOUR), True, True, "window", None),
        (reach("messenger", 25 * HOUR), False, False, None, "window_closed"),
        (reach("messenger", 8 * 24 * HOUR), True, False, None, "window_closed"),
        (reach("line", reply=TOKEN), True, True, "reply_token", None),
        (reach("line", reply=SPENT), True, True, "push", None),
        (reach("line", 1000 * HOUR), True, True, "push", None),
        (reach("email", 1000 * HOUR), True, True, "open", None),
        (reach("fax"), True, True, None, None),
    ],
)
def test_windows_and_tokens(where: Reach, person: bool, allowed: bool, by: str | None, kind: str | None) -> None:
    found = verdict(where, person=person)
    assert (found.allowed, found.by, found.kind) == (allowed, by, kind)


def test_when_the_window_ends_and_what_is_free_is_told() -> None:
    assert verdict(reach("whatsapp")).way.window_ends_at == NOW + 23 * HOUR
    assert verdict(reach("line", reply=TOKEN)).way.free_until == TOKEN.token_expires_at
    assert [each.code for each in verdict(reach("line", reply=TOKEN)).notices] == []
    assert [each.code for each in verdict(reach("line")).notices] == ["billed"]
    assert [each.code for each in verdict(reach("whatsapp", 24 * HOUR - timedelta(minutes=5))).notices] == [
        "window_ends"
    ]


def test_after_the_window_only_an_approved_template_goes() -> None:
    late = reach("whatsapp", 25 * HOUR)
    refusal = verdict(late)
    assert refusal.templates == ("shipped",) and "template" in refusal.sentence
    assert (verdict(late, TEMPLATE).allowed, verdict(late, TEMPLATE).by) == (True, "template")
    assert not verdict(late, TEMPLATE, Text("and more")).allowed
    assert verdict(reach("messenger", 25 * HOUR), TEMPLATE, person=False).kind == "window_closed"


PICTURE = Image(Attachment("at_1", "a.png", "image/png", 2_000_000, "0" * 64, state="ready"), "見て")
MANY = Choice("どれ", tuple(Option(f"{number}", f"{number}") for number in range(5)))


def test_what_is_native_degraded_and_refused() -> None:
    found = verdict(reach("sms"), Text("x"), PICTURE, MANY)
    assert [(part.kind, part.support) for part in found.parts] == [
        ("text", "native"),
        ("image", "degraded"),
        ("choice", "degraded"),
    ]
    no = verdict(reach("whatsapp"), Text("x"), Sticker("1", "2"))
    assert (no.allowed, no.kind) == (False, "unsupported") and "no stickers" in no.sentence
    assert [part.support for part in no.parts] == ["native", "refused"]


@pytest.mark.parametrize(
    ("rules", "part", "support"),
    [
        ({"media": {"image": MediaRule(("image/jpeg",))}}, PICTURE, "degraded"),
        ({"media": {"image": MediaRule(("image/*",), 1_000)}}, PICTURE, "degraded"),
        ({"media": {"image": MediaRule(("image/*",), 3_000_000)}}, PICTURE, "native"),
        ({"choices": ChoiceRule(options=4)}, MANY, "degraded"),
        ({"choices": ChoiceRule(options=5, label=1, text=2)}, MANY, "native"),
        ({"choices": ChoiceRule(text=1)}, MANY, "degraded"),
        ({"caption_limit": 1}, PICTURE, "native"),
    ],
)
def test_what_does_not_fit_is_degraded(rules: Any, part: Part, support: str) -> None:
    facts = ReplyFacts({"x": manifest("x", carries=dict.fromkeys(KINDS, NATIVE), **rules)})
    found = judge(facts, way_of(facts, reach("x"), None, NOW), (part,), NOW)
    assert found.allowed and found.parts[0].support == support
    assert found.pieces == (2 if "caption_limit" in rules else 1)


def test_an_attachment_that_is_not_there_is_refused() -> None:
    missing = Image(Attachment("at_1", "a.png", "image/png"))
    assert verdict(reach("email"), missing).kind == "unsupported"


@given(
    words=st.lists(st.sampled_from([*CLUSTERS, " ", "\n", "。"]), min_size=1, max_size=60),
    limit=st.integers(30, 60),
    unit=st.sampled_from(["utf16", "characters", "bytes", "graphemes"]),
)
def test_the_pieces_told_are_the_pieces_sent(words: list[str], limit: int, unit: TextUnit) -> None:
    text = "".join(words) + "."
    facts = ReplyFacts({"x": manifest("x", text_limit=limit, text_unit=unit)})
    found = judge(facts, way_of(facts, reach("x"), None, NOW), (Text(text),), NOW)
    pieces = split(text, limit, unit)
    assert found.pieces == len(pieces) and all(size(piece, unit) <= limit for piece in pieces)
    assert found.size == sum(size(piece, unit) for piece in pieces)
    assert ("split" in [each.code for each in found.notices]) == (len(pieces) > 1)
    if "".join(pieces) == text:
        assert [one for piece in pieces for one in graphemes(piece)] == graphemes(text)


def test_quota_and_trouble() -> None:
    where = reach("line")
    codes = lambda condition: [each.code for each in verdict(where, condition=condition).notices]  # noqa: E731
    assert codes(Condition(quota=Quota(10, 1_000))) == ["billed"]
    assert codes(Condition(quota=Quota(950, 1_000))) == ["billed", "quota"]
    assert codes(Condition(trouble="away")) == ["billed", "trouble"]
    full = Condition(quota=Quota(1_000, 1_000))
    assert not verdict(where, condition=full).allowed
    assert verdict(reach("line", reply=TOKEN), condition=full).allowed
    assert verdict(where, condition=Condition(quota=Quota(5, None))).allowed


# -- other ways -------------------------------------------------------------------------------------------------------


def identity(channel: str, **more: Any) -> Identity:
    return Identity(channel, channel, f"{channel}-taro", "ct_1", **more)


def test_who_could_say_it_instead_ranked() -> None:
    channels = ("whatsapp", "messenger", "line", "sms", "email", "fax")
    contact = Contact("ct_1", NOW, identities=tuple(identity(each, reachable=each != "sms") for each in channels))
    reaches = [reach("line", 3 * HOUR), reach("email", 2 * HOUR), reach("whatsapp", 25 * HOUR)]
    ways = ways_of(FACTS, contact, reaches, NOW)
    assert {way.channel: way.state for way in ways} == {
        "whatsapp": "template", "messenger": "closed", "line": "open", "sms": "opted_out", "email": "open",
        "fax": "unknown",
    }  # fmt: skip
    assert [way.channel for way in ways][:3] == ["email", "line", "whatsapp"]
    asked = next(way for way in ways if way.channel == "whatsapp")
    found = ranked(FACTS, ways, (Text("hello"),), NOW, besides=asked)
    assert [way.channel for way in found] == ["email", "line"]
    pictures = ranked(FACTS, ways, (PICTURE,), NOW)
    assert [way.channel for way in pictures] == ["email", "line"]
    troubled = ways_of(FACTS, contact, reaches, NOW, conditions={"email": Condition("away")})
    assert [way.channel for way in ranked(FACTS, troubled, (Text("x"),), NOW, besides=asked)] == ["line", "email"]


def test_an_opted_out_way_is_refused_whatever_its_window() -> None:
    way = way_of(FACTS, reach("whatsapp"), identity("whatsapp", reachable=False), NOW)
    assert judge(FACTS, way, (Text("x"),), NOW).kind == "opted_out"


# -- templates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(("ja",), "ja"), (("ja-JP",), "ja"), (("fr", "en-GB"), "en"), ((None, "fr"), "ja"), (("en", "ja"), "en")],
)
def test_the_customers_language_comes_first(wanted: tuple[str | None, ...], expected: str) -> None:
    assert language_of(SHIPPED, *wanted) == expected


def test_channels_get_theirs_and_all_others_the_text() -> None:
    templates = {"shipped": SHIPPED}
    assert said(templates, LINE, TEMPLATE, "ja", "en") == Text("ご注文 7 を発送しました。")
    assert said(templates, WHATSAPP, TEMPLATE, "en", "ja") == Template("order_shipped_v2", "en_US", {"number": "7"})
    assert said(templates, WHATSAPP, Template("theirs", "ja"), "ja", "en") == Template("theirs", "ja")
    assert "number" in said(templates, LINE, Template("shipped", "ja"), "ja", "en").problem.sentence  # type: ignore[union-attr]
    nameless = said(templates, SMS, Template("theirs", "ja"), "ja", "en")
    assert "theirs is not declared here" in nameless.problem.sentence  # type: ignore[union-attr]
    tricky = Template("shipped", "en", {"number": "{number} {x}"})
    assert said(templates, LINE, tricky, None, "en") == Text("Your order {number} {x} has shipped.")


def test_a_template_that_cannot_be_is_told() -> None:
    assert list(faults(SHIPPED)) == []
    assert len(list(faults(MessageTemplate(texts={"en": "{who} and {what}"})))) == 2
    assert len(list(faults(MessageTemplate(texts={})))) == 1
