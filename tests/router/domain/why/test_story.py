"""Every word of a decision is told in both languages, and what a manager reads is what was decided."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path
from string import Formatter
from typing import Any, get_args

import pytest

from contracts.codec import moment
from contracts.decision import Considered, Decision, Outcome, RuledOut
from contracts.policy import Need, OverflowDo, OverflowWhen
from contracts.sla import Clock, SlaState, Target
from router.domain.conversation import work
from router.domain.why.english import ENGLISH
from router.domain.why.japanese import JAPANESE
from router.domain.why.story import promises, story
from router.domain.why.words import Words

AT = moment(1_800_000_000_000)


def decision(**given: Any) -> Decision:
    plain = {
        "id": "dc_1",
        "at": AT,
        "conversation": "cv_01_1",
        "outcome": "waiting",
        "trigger": "work_arrived",
        "queue": "tokyo",
        "policy": "1",
        "policy_number": 7,
    }
    return Decision(**{**plain, **given})


OFFERED = decision(
    outcome="offered",
    agent="aoi",
    rule="ja",
    rules=("vip", "ja"),
    reason="longest_idle",
    weight=20,
    priority=5,
    waited_s=95,
    skills=(Need("billing", 3), Need("english", required=False)),
    relaxed=1,
    considered=(Considered("aoi", None, 100, 7), Considered("bob", "away"), Considered("cho", "lacks_skill")),
    counts={"away": 1, "eligible": 1, "lacks_skill": 1, "not_in_queue": 40},
)
WAITING = decision(
    reason="queue_closed",
    trigger="overflow",
    overflow="closed:queue:night",
    position=3,
    estimate_s=250,
    considered=tuple(Considered(f"a{number}", "offline") for number in range(7)),
    notes=("unknown_queue:nihgt", "requested_agent:bob:no_capacity"),
    relaxed=2,
    policy_number=0,
)
ENDED = decision(outcome="returned", agent="aoi", trigger="teleported", reason=None, estimate_s=20)


@pytest.mark.parametrize(
    ("given", "language", "sentence", "details"),
    [
        (
            OFFERED,
            "en",
            "The conversation asked for an agent. Rule 'ja' sent it to the queue 'tokyo'. "
            "It was offered to aoi, who had been idle longest.",
            [
                "Before it these held too: vip.",
                "Asked for: billing at level 3 or more, english if possible.",
                "After one step less is asked for.",
                "aoi: could have it, bob: away, cho: without a required skill.",
                "Of all agents: 1 could have it, 40 not in the queue, 1 away, 1 without a required skill.",
                "The customer had waited 1 min 35 s.",
                "It costs 20 units and has priority 5.",
                "Policy 7 spoke.",
            ],
        ),
        (
            OFFERED,
            "ja-JP",
            "会話が担当者を求めました。ルール「ja」によりキュー「tokyo」に入りました。"
            "aoiさんに打診しました（最も長く手が空いていた）。",
            [
                "その前に次のルールも当てはまりました: vip。",
                "求めるもの: billing（レベル3以上）、english（できれば）。",
                "1段階、条件を緩めています。",
                "aoi: 担当可能、bob: 離席中、cho: 必要なスキルがない。",
                "全担当者の内訳: 担当可能1人、キューの担当外40人、離席中1人、必要なスキルがない1人。",
                "お客様の待ち時間は1分35秒でした。",
                "必要な枠は20、優先度は5です。",
                "適用された方針は第7版です。",
            ],
        ),
        (
            WAITING,
            None,
            "It overflowed. No rule decided; it is in the queue 'tokyo'. "
            "It waits in the queue 'tokyo', because the queue is closed.",
            [
                "Asked for: no skill any more.",
                "After 2 steps less is asked for.",
                "Overflow: the queue is closed, so it moved to the queue 'night'.",
                "The queue 'nihgt' that was asked for does not exist.",
                "bob was asked for and could not have it: without enough room.",
                "a0: offline, a1: offline, a2: offline, a3: offline, a4: offline, and others.",
                "It is number 3 in the line of 'tokyo'. It should take about 4 minutes.",
                "It costs 0 units and has priority 0.",
                "The policy '1' spoke.",
            ],
        ),
        (
            WAITING,
            "ja",
            "あふれ処理が行われました。決め手となるルールはなく、キュー「tokyo」にあります。"
            "キュー「tokyo」で待っています（キューが営業時間外）。",
            [
                "求めるもの: スキルは問わない。",
                "2段階、条件を緩めています。",
                "あふれ処理: キューが営業時間外のため、キュー「night」へ移しました。",
                "指定されたキュー「nihgt」はありません。",
                "bobさんが指名されましたが、担当できませんでした（空き不足）。",
                "a0: オフライン、a1: オフライン、a2: オフライン、a3: オフライン、a4: オフライン、ほか。",
                "キュー「tokyo」の3番目です。約4分の見込みです。",
                "必要な枠は0、優先度は0です。",
                "適用された方針は「1」です。",
            ],
        ),
        (
            ENDED,
            "en",
            "teleported. No rule decided; it is in the queue 'tokyo'. It was taken back from aoi.",
            [
                "Nobody was considered.",
                "It should take less than a minute.",
                "It costs 0 units and has priority 0.",
                "Policy 7 spoke.",
            ],
        ),
    ],
)
def test_a_step_in_words(given: Decision, language: str | None, sentence: str, details: list[str]) -> None:
    (step,) = story([given], language)
    assert step.sentence == sentence
    assert list(step.details) == details
    assert (step.at, step.decision) == (AT, given)


def listed(field: str) -> set[str]:
    """The words that the contract names in the text below a field."""
    text = inspect.getsource(Decision).split(f"    {field}: str")[1].split('"""')[1]
    return set(re.findall("``([a-z_]+)``", text))


def asked_with() -> set[str]:
    """The triggers that conversations ask dispatch with."""
    files = Path(work.__file__).parent.glob("*.py")
    named = r'(?:trigger="|TRIGGER(?:: Final)? = "|(?:update|line_up)\(draft, ")([a-z_]+)"'
    return {word for file in files for word in re.findall(named, file.read_text("utf-8"))}


@pytest.mark.parametrize("words", [ENGLISH, JAPANESE], ids=["en", "ja"])
def test_every_word_has_its_words(words: Words) -> None:
    assert set(words.outcome) == set(get_args(Outcome))
    assert set(words.ruled_out) == {"eligible", *get_args(RuledOut)}
    assert set(words.overflow_when) == set(get_args(OverflowWhen))
    assert set(words.overflow_do) == set(get_args(OverflowDo))
    assert set(words.target) == set(get_args(Target))
    assert listed("trigger") | asked_with() <= set(words.trigger)
    assert listed("reason") <= set(words.reason)


def test_both_languages_say_the_same_things() -> None:
    for field in fields(Words):
        ours, theirs = getattr(ENGLISH, field.name), getattr(JAPANESE, field.name)
        if isinstance(ours, dict):
            assert set(ours) == set(theirs), field.name
            assert {key: named(form) for key, form in ours.items()} == {k: named(form) for k, form in theirs.items()}
        else:
            assert named(ours) == named(theirs), field.name


def named(form: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(form) if name}


SLA = SlaState(
    "gold",
    (Clock("first_response", AT, due_at=moment(1_800_000_600_000)), Clock("resolution", AT, left_s=3_660)),
    met=("next_response",),
    breached=("next_response",),
)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            [
                "Promise 'gold': a first answer by 2027-01-15T08:10:00.000Z.",
                "Promise 'gold': a resolution, paused with 1 h 1 min left.",
                "Promise 'gold': an answer was kept.",
                "Promise 'gold': an answer was not kept.",
            ],
        ),
        (
            "ja",
            [
                "約束「gold」: 最初の返答の期限は2027-01-15T08:10:00.000Zです。",
                "約束「gold」: 解決は一時停止中で、残り1時間1分です。",
                "約束「gold」: 次の返答は守られました。",
                "約束「gold」: 次の返答は守られませんでした。",
            ],
        ),
    ],
)
def test_promises(language: str, said: list[str]) -> None:
    assert promises(SLA, language) == said


def test_nothing_was_promised() -> None:
    assert promises(None) == []
