"""What classifying costs: ``python -m tests.bench.classify``. Microseconds by kind of text, with 60 rules."""

from __future__ import annotations

import timeit

from contracts.commands import Facts
from contracts.policy import Calendar, Match, Need, Policy, Rule
from router.domain.dispatch.classify import Classifier

AT_MS = 1_780_300_800_000
TEXTS = {
    "no word of any rule": "hello there, could somebody please help me with something today?",
    "a word of one rule": "my parcel17 has not arrived, where is it? i have been waiting for two weeks",
    "Japanese": "先週注文した商品がまだ届いていません。いつ頃届きますか。",
    "2,000 characters": "hello there, could somebody please help me with something? " * 34,
}


def rules() -> tuple[Rule, ...]:
    """Sixty: half of them read the text, some say something and go on, the last takes what is left."""
    found: list[Rule] = []
    for number in range(15):
        found += [
            Rule(f"word {number}", Match(words=(f"parcel{number + 10}", f"請求{number}", "x-never")), queue="parcels"),
            Rule(f"pattern {number}", Match(patterns=(rf"ticket\s*#?{number}\d{{4,}}", "返品番号")), queue="tickets"),
            Rule(f"tag {number}", Match(tags=(f"tag-{number}",), attributes={"tier": ("gold",)}), priority=number),
            Rule(f"shop {number}", Match(accounts=(f"shop-{number}",), languages=("ja",)), queue="sales"),
        ]
    found[2] = Rule("everybody", skills=(Need("support"),), sla="standard")
    found[-1] = Rule("rest", Match(open=("office",)), queue="default")
    return tuple(found)


def main() -> None:
    """Prints the table."""
    classifier = Classifier(Policy(rules=rules(), calendars={"office": Calendar(week={"mon": ("00:00-24:00",)})}))
    for name, text in TEXTS.items():
        facts = Facts(channel="webchat", account="site", channel_class="chat", contact="ct_01_a", text=text)
        runs = timeit.repeat(lambda facts=facts: classifier.classify(facts, AT_MS), number=2_000, repeat=5)  # type: ignore[misc]
        print(f"{name:24}{min(runs) / 2_000 * 1e6:8.1f} us")


if __name__ == "__main__":
    main()
