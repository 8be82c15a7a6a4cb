"""How long a rehearsal takes: a day of 100,000 conversations and 500 agents through two policies, on one core.

Everything is generated: chat, social, mail, SMS and voice, a tenth of it in other languages than Japanese, 3 crews, 3
shifts. The first policy offers, the second gives out at once, asks for skills, relaxes and lets silent customers rest.
"""

from __future__ import annotations

import argparse
import gc
import resource
from time import process_time

from contracts.policy import ChannelClass, Match, Need, Policy, Queue, Relax, Rule, Sla
from router.rehearse.compare import changes
from router.rehearse.day import Day
from router.rehearse.engine import Rehearsal
from router.rehearse.generate import generate
from router.rehearse.lines import read, written
from router.rehearse.measure import figures
from router.rehearse.outcome import Outcome
from router.rehearse.shop import Crew, Shop

EMAIL = Rule("mail", Match(channels=("email",)), queue="mail")
PHONE = Rule("phone", Match(channels=("voice",)), queue="phone")
SLAS = {"answer": Sla(first_response_s=300, breach_priority=10)}
BEFORE = Policy(
    version="offers",
    queues=(Queue("chat", offer_timeout_s=20, sla="answer"), Queue("mail"), Queue("phone", order="most_spare")),
    rules=(EMAIL, PHONE),
    default_queue="chat",
    slas=SLAS,
)
AFTER = Policy(
    version="skills",
    queues=(
        Queue("chat", auto_accept=True, idle_after_s=300, sla="answer", order="round_robin"),
        Queue("invoices", auto_accept=True, proficiency="nearest", sla="answer"),
        Queue("mail", auto_accept=True, order="least_today"),
        Queue("phone", auto_accept=True),
    ),
    rules=(
        EMAIL,
        PHONE,
        Rule("english", Match(languages=("en",)), skills=(Need("english", 2),), relax=(Relax(300, drop=("*",)),)),
        Rule("invoices", Match(words=("請求", "invoice", "charged")), queue="invoices", skills=(Need("invoice"),)),
    ),
    default_queue="chat",
    classes={"email": ChannelClass(10, interruptible=True)},
    slas=SLAS,
)


def shop(conversations: int, agents: int) -> Shop:
    """A Tuesday."""
    skills = {"invoice": 0.4, "english": 0.25}
    crews = (
        Crew("chat", agents * 7 // 10, ("chat", "invoices"), skills=skills),
        Crew("mail", agents * 2 // 10, ("mail",), skills={"english": 0.4}),
        Crew("phone", agents - agents * 7 // 10 - agents * 2 // 10, ("phone",)),
    )
    return Shop(conversations=conversations, crews=crews)


def one(name: str, day: Day, policy: Policy) -> Outcome:
    """Rehearses it, and says how long that took."""
    begin = process_time()
    outcome = Rehearsal(day, policy).run()
    took = process_time() - begin
    each = took / len(day.cases) * 1e6
    print(f"{name}: {took:.1f} s, {outcome.commands:,} commands, {each:.0f} us for each conversation")
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--agents", type=int, default=500)
    asked = parser.parse_args()
    begin = process_time()
    day = generate(shop(asked.conversations, asked.agents), 1)
    print(f"generated {len(day.cases):,} conversations in {process_time() - begin:.1f} s")
    begin = process_time()
    day = read(list(written(day, texts=True)))
    print(f"written and read in {process_time() - begin:.1f} s")
    gc.freeze()
    begin = process_time()
    outcomes = [one(policy.version, day, policy) for policy in (BEFORE, AFTER)]
    told = [figures(outcome, 60) for outcome in outcomes]
    found = changes(*outcomes)
    print(f"both, with figures: {process_time() - begin:.1f} s; {found.differing:,} conversations differ")
    print(", ".join(f"{each.all.within or 0:.0%} within a minute" for each in told))
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
