"""The policy's rules, asked in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.commands import Facts
from contracts.policy import Calendar, Match, Need, Policy, Queue, Relax, Rule
from router.domain.dispatch.classify import Classified, Classifier
from router.domain.dispatch.patterns import any_pattern, folded

MONDAY_NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOON_MS = round(MONDAY_NOON.timestamp() * 1000)
HOUR_MS = 3_600_000

RULES = (
    Rule("vip", Match(tags=("vip",)), priority=50, tags=("vip-care",)),
    Rule("money", Match(words=("ＩＮＶＯＩＣＥ", "請求", "straße")), queue="billing", tags=("money",)),
    Rule("japanese shop", Match(accounts=("shop",), languages=("ja",)), queue="sales-ja", priority=10),
    Rule("shop", Match(accounts=("shop", "store"), channels=("line", "webchat")), queue="sales"),
    Rule("low", Match(channels=("email",)), priority=-5),
    Rule("mail", Match(channels=("email",)), queue="mail"),
)


def facts(**how: object) -> Facts:
    plain: dict[str, object] = {"channel": "webchat", "account": "site", "channel_class": "chat", "contact": "ct_01_a"}
    return Facts(**{**plain, **how})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, (None, None, 0, ())),
        ({"text": "About my Invoice"}, ("billing", "money", 0, ("money",))),
        ({"text": "ｉｎｖｏｉｃｅ"}, ("billing", "money", 0, ("money",))),
        ({"text": "今月の請求書について"}, ("billing", "money", 0, ("money",))),
        ({"text": "STRASSE 5"}, ("billing", "money", 0, ("money",))),
        ({"text": "invoices", "tags": ("vip",)}, ("billing", "money", 50, ("vip-care", "money"))),
        ({"tags": ("vip", "old")}, (None, None, 50, ("vip-care",))),
        ({"account": "shop", "language": "ja-JP"}, ("sales-ja", "japanese shop", 10, ())),
        ({"account": "shop", "language": "JA"}, ("sales-ja", "japanese shop", 10, ())),
        ({"account": "shop", "language": "jav"}, ("sales", "shop", 0, ())),
        ({"account": "shop"}, ("sales", "shop", 0, ())),
        ({"account": "store", "channel": "line"}, ("sales", "shop", 0, ())),
        ({"account": "store", "channel": "sms"}, (None, None, 0, ())),
        ({"channel": "email"}, ("mail", "mail", -5, ())),
        ({"channel": "email", "priority": 7}, ("mail", "mail", 7, ())),
        ({"channel": "email", "priority": 0}, ("mail", "mail", 0, ())),
    ],
)
def test_rules_in_order(given: dict[str, object], said: tuple[object, ...]) -> None:
    assert Classifier(Policy(rules=RULES)).classify(facts(**given))[:4] == said


CALENDARS = {
    "office": Calendar(week={"mon": ("09:00-17:00",)}),
    "night": Calendar(week={"mon": ("22:00-24:00",)}),
    "always": Calendar(),
}


@pytest.mark.parametrize(
    ("when", "given", "holds"),
    [
        (Match(patterns=(r"order\s*#?\d{4,}",)), {"text": "ＯＲＤＥＲ ＃１２３４"}, True),
        (Match(patterns=(r"order\s*#?\d{4,}",)), {"text": "order soon"}, False),
        (Match(patterns=(r"^$",)), {"text": ""}, True),
        (Match(patterns=(r"^$",)), {"text": "sticker"}, False),
        (Match(words=("refund",), patterns=(r"\d",)), {"text": "refund 1"}, True),
        (Match(words=("refund",), patterns=(r"\d",)), {"text": "refund"}, False),
        (Match(words=("refund",), patterns=(r"\d",)), {"text": "1"}, False),
        (Match(words=("a.c",)), {"text": "abc"}, False),
        (Match(attributes={"tier": ("gold", "silver")}), {"attributes": {"tier": "silver"}}, True),
        (Match(attributes={"tier": ("gold", "silver")}), {"attributes": {"tier": "tin"}}, False),
        (Match(attributes={"tier": ("gold",)}), {}, False),
        (Match(attributes={"tier": ("*",)}), {"attributes": {"tier": ""}}, True),
        (Match(attributes={"tier": ("*",)}), {"attributes": {"level": "1"}}, False),
        (Match(attributes={"tier": ("*",), "mood": ("bad",)}), {"attributes": {"tier": "x"}}, False),
        (Match(attributes={"tier": ("*",), "mood": ("bad",)}), {"attributes": {"tier": "x", "mood": "bad"}}, True),
        (Match(open=("office",)), {}, True),
        (Match(open=("night",)), {}, False),
        (Match(open=("night", "office")), {}, True),
        (Match(closed=("night",)), {}, True),
        (Match(closed=("office", "always")), {}, False),
        (Match(open=("office",), closed=("night",)), {}, True),
        (Match(open=("nowhere",)), {}, False),
        (Match(closed=("nowhere",)), {}, False),
        (Match(earlier_at_least=1), {}, False),
        (Match(earlier_at_least=1), {"earlier": 1}, True),
        (Match(earlier_at_most=0), {}, True),
        (Match(earlier_at_most=0), {"earlier": 1}, False),
        (Match(earlier_at_least=2, earlier_at_most=3), {"earlier": 3}, True),
        (Match(earlier_at_least=2, earlier_at_most=3), {"earlier": 4}, False),
        (Match(earlier_within_s=3_600), {}, False),
        (Match(earlier_within_s=3_600), {"last_at": MONDAY_NOON - timedelta(hours=1)}, True),
        (Match(earlier_within_s=3_599), {"last_at": MONDAY_NOON - timedelta(hours=1)}, False),
    ],
)
def test_conditions(when: Match, given: dict[str, object], holds: bool) -> None:
    """Each by itself, and turned round by ``unless``."""
    for rule, expected in ((Rule("it", when, queue="q"), holds), (Rule("it", queue="q", unless=when), not holds)):
        said = Classifier(Policy(rules=(rule,), calendars=CALENDARS)).classify(facts(**given), NOON_MS)
        assert (said.queue, said.rule, said.rules) == (("q", "it", ("it",)) if expected else (None, None, ()))


@pytest.mark.parametrize(
    ("unless", "given", "holds"),
    [
        (Match(channels=("webchat",)), {}, False),
        (Match(channels=("line",)), {}, True),
        (Match(channels=("webchat",), tags=("vip",)), {}, True),
        (Match(channels=("webchat",), tags=("vip",)), {"tags": ("vip",)}, False),
        (Match(channels=("line",), tags=("vip",)), {"tags": ("vip",)}, True),
        (Match(accounts=("site",), channels=("line",)), {}, True),
        (Match(), {}, False),
    ],
)
def test_unless_needs_all_that_it_says(unless: Match, given: dict[str, object], holds: bool) -> None:
    rules = (Rule("it", queue="q", unless=unless), Rule("rest", queue="r"))
    assert Classifier(Policy(rules=rules)).classify(facts(**given)).queue == ("q" if holds else "r")


def test_what_rules_say_adds_up_until_one_decides() -> None:
    steps, sooner = Relax(60, drop=("*",)), Relax(30, levels={"german": 1})
    rules = (
        Rule("one", skills=(Need("german", 3), Need("billing", 2)), sla="gold", weight=40, relax=(steps,), tags=("a",)),
        Rule("no", Match(tags=("nobody",)), skills=(Need("dutch"),), sla="none", tags=("z",)),
        Rule("two", skills=(Need("german", 5, required=False), Need("sales")), priority=5, tags=("b", "a")),
        Rule("three", queue="q", relax=(sooner,), sla="silver"),
        Rule("four", queue="r", sla="tin", priority=9),
    )
    assert Classifier(Policy(rules=rules)).classify(facts()) == Classified(
        queue="q",
        rule="three",
        priority=5,
        tags=("a", "b"),
        rules=("one", "two", "three"),
        skills=(Need("german", 5, required=False), Need("billing", 2), Need("sales")),
        relax=(sooner,),
        sla="silver",
        weight=40,
    )


def test_rules_that_hold_count_even_if_none_decides() -> None:
    said = Classifier(Policy(rules=(Rule("one", sla="gold", weight=0, priority=0),))).classify(facts())
    assert said == Classified(None, None, 0, (), rules=("one",), sla="gold", weight=0)


def test_time_goes_on() -> None:
    rules = (Rule("day", Match(open=("office",)), queue="day"), Rule("night", queue="night"))
    classifier = Classifier(Policy(rules=rules, calendars=CALENDARS))
    assert [classifier.classify(facts(), NOON_MS + hours * HOUR_MS).queue for hours in (0, 4, 5, 24)] == [
        "day",
        "day",
        "night",
        "night",
    ]


# -- against a plain reading of the specification -------------------------------------------------------------------

_texts = st.sampled_from(["", "refund 1234", "ＲＥＦＵＮＤ", "返金してください", "hello", "order #99"])
_matches = st.builds(
    Match,
    channels=st.sampled_from([(), ("line",), ("line", "email")]),
    accounts=st.sampled_from([(), (), ("shop",)]),
    languages=st.sampled_from([(), (), ("ja",), ("en", "de")]),
    words=st.sampled_from([(), (), ("refund",), ("返金", "hello")]),
    tags=st.sampled_from([(), (), ("vip",)]),
    patterns=st.sampled_from([(), (), (r"\d{4}",), (r"#\d+", "^$")]),
    attributes=st.sampled_from([{}, {}, {"tier": ("gold",)}, {"tier": ("*",)}]),
    open=st.sampled_from([(), (), ("office",)]),
    earlier_at_least=st.sampled_from([None, None, 1]),
)
_rules = st.lists(
    st.builds(
        Rule,
        name=st.uuids().map(str),
        when=_matches,
        queue=st.sampled_from([None, "q", "r"]),
        unless=st.none() | _matches,
        tags=st.sampled_from([(), ("a",)]),
    ),
    max_size=8,
)
_facts = st.builds(
    facts,
    channel=st.sampled_from(["line", "email", "sms"]),
    account=st.sampled_from(["shop", "site"]),
    language=st.sampled_from([None, "ja-JP", "de"]),
    text=_texts,
    tags=st.sampled_from([(), ("vip",)]),
    attributes=st.sampled_from([{}, {"tier": "gold"}, {"tier": "tin"}]),
    earlier=st.integers(0, 2),
)


def plainly(match: Match, about: Facts, at_ms: int) -> bool:
    text = folded(about.text)
    asked: list[Any] = [
        not match.channels or about.channel in match.channels,
        not match.accounts or about.account in match.accounts,
        not match.languages or (about.language or "-").partition("-")[0] in match.languages,
        not match.words or any(folded(word) in text for word in match.words),
        not match.tags or set(match.tags) & set(about.tags),
        not match.patterns or any(any_pattern([one]).search(text.encode()) for one in match.patterns),
        not match.attributes or about.attributes.get("tier", "none") == match.attributes["tier"][0]
        or ("tier" in about.attributes and match.attributes["tier"] == ("*",)),
        not match.open or NOON_MS - 3 * HOUR_MS <= at_ms < NOON_MS + 5 * HOUR_MS,
        match.earlier_at_least is None or about.earlier >= match.earlier_at_least,
    ]  # fmt: skip
    return all(asked)


@settings(max_examples=300, deadline=None)
@given(rules=_rules, asked=st.lists(_facts, min_size=1, max_size=4), hours=st.sampled_from([0, 7]))
def test_short_cuts_change_nothing(rules: list[Rule], asked: list[Facts], hours: int) -> None:
    classifier = Classifier(Policy(queues=(Queue("default"),), rules=tuple(rules), calendars=CALENDARS))
    at_ms = NOON_MS + hours * HOUR_MS
    for about in asked:
        held: list[str] = []
        for rule in rules:
            against = rule.unless is not None and plainly(rule.unless, about, at_ms)
            if plainly(rule.when, about, at_ms) and not against:
                held.append(rule.name)
                if rule.queue is not None:
                    break
        assert list(classifier.classify(about, at_ms).rules) == held
