"""The manual of the rules is played, page by page: what README.md says comes of a policy, comes of it.

A page is a section of the README. Its ``toml`` blocks are policies, each checked with the agents of the page's
examples; the first is in force when an example begins, the others are named by their ``version``. Its ``example``
blocks are played by conversations and dispatch together, on a clock that stands still between the lines. Their lines:

    day 2027-01-18 in Asia/Tokyo         which day and zone the times are of; without it Friday 2027-01-15, UTC
    agent aoi: queues a, b; skills law 3 also: teams, limits (chat 2), capacity, shift, bot, not here yet
    customer kato by chat: speaks ja     somebody known: tags, prefers (an agent), any other word is an attribute
    09:00  kato writes by chat: "words"  the time and what happens; all agents are online just before the first line
           -> aoi has kato; ...          what comes of it
           why kato: It was ...          what ``madoguchi why`` prints of it: a sentence and any details, or a promise

``play.py`` lists what may be there at first (``SETS_UP``), happen (``DOES``) and come of it (``COMES``). A line that is
further in goes on with the one before. Whatever else stands there is an error.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from contracts import policy as document
from contracts.agent import Agent
from contracts.policy import Policy
from router.domain import handover
from router.domain.conversation import ConversationRules
from router.domain.language import Detector
from router.domain.policy.check import check
from router.domain.policy.strand import strands
from router.enrich.statistics import open_guess
from router.settings.convert import convert
from router.settings.load import policy_of_file
from tests.router.domain.conversation.world import KEY
from tests.router.domain.memory import START_MS
from tests.router.domain.play import declared, play

README = Path(handover.__file__).with_name("README.md")
MOST_LINES = 37
"""A page, with its blocks and without empty lines."""
FAULTY = "faulty"
"""A policy of this version is shown for what is wrong with it."""


@dataclass(frozen=True)
class RulePage:
    title: str
    text: str

    def blocks(self, kind: str) -> list[str]:
        return re.findall(rf"```{kind}\n(.*?)```", self.text, re.S)

    def policies(self, folder: Path) -> dict[str, Policy]:
        found = {}
        for number, block in enumerate(self.blocks("toml")):
            file = folder / f"{number}.toml"
            file.write_text(block)
            if f'"{FAULTY}"' in block:
                found[FAULTY] = convert(tomllib.loads(block), Policy)
            else:
                _, policy, _ = policy_of_file(file)
                found[policy.version] = policy
        return found

    def agents(self) -> list[Agent]:
        """Everybody of its examples, each once."""
        found = [agent for example in self.blocks("example") for agent in declared(example)]
        return list({agent.id: agent for agent in found}.values())


PAGES = [RulePage(*part.split("\n", 1)) for part in re.split(r"^## ", README.read_text("utf-8"), flags=re.M)[1:]]
EXAMPLES = [
    pytest.param(page, example, id=f"{page.title}-{number}")
    for page in PAGES
    for number, example in enumerate(page.blocks("example"), 1)
]


@pytest.fixture(scope="module")
def rules() -> ConversationRules:
    return ConversationRules(handover_key=KEY, detect=Detector(open_guess()).detect)


@pytest.mark.parametrize("page", PAGES, ids=[page.title for page in PAGES])
def test_its_policies_are_sound(page: RulePage, tmp_path: Path) -> None:
    agents = page.agents()
    for version, policy in page.policies(tmp_path).items():
        if version != FAULTY:
            assert [str(problem) for problem in check(policy, agents, START_MS)] == []
            assert [strand.sentence for strand in strands(policy, agents, START_MS).strands] == []


@pytest.mark.parametrize(("page", "example"), EXAMPLES)
def test_what_it_says_comes_of_it(page: RulePage, example: str, rules: ConversationRules, tmp_path: Path) -> None:
    play(example, page.policies(tmp_path) or {"1": Policy()}, rules)


@pytest.mark.parametrize("page", PAGES, ids=[page.title for page in PAGES])
def test_it_is_a_page(page: RulePage) -> None:
    assert sum(bool(line.strip()) for line in page.text.splitlines()) < MOST_LINES
    assert page.blocks("example") and "why " in "".join(page.blocks("example"))
    assert re.search(r"^(Limits|Defaults|Limits and defaults): ", page.text, re.M)


def fields() -> Iterator[str]:
    for kind in vars(document).values():
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct:
            yield from (f"{kind.__name__}.{name}" for name in kind.__struct_fields__)


def test_everything_that_a_policy_can_say_has_a_page() -> None:
    text = README.read_text("utf-8")
    assert [field for field in fields() if not re.search(rf"\b{field.partition('.')[2]}\b", text)] == []


@pytest.mark.parametrize(
    "line",
    [
        '09:00  kato writes by pigeon: "hello"',
        "09:00  aoi sings",
        "and so on",
        "agent aoi: colour blue",
        '09:00  kato writes: "hello"\n  -> aoi likes kato',
    ],
)
def test_a_line_that_is_none_is_an_error(line: str) -> None:
    with pytest.raises(SyntaxError):
        play(f"agent aoi\n09:00  later\n{line}\n", {"1": Policy()})


@pytest.mark.parametrize(
    "lie",
    [
        "-> ben has kato",
        "-> nobody has kato",
        "-> aoi is offered kato",
        "-> kato waits in default",
        '-> kato is told "hello"',
        '-> refused: "no"',
        "-> aoi holds 10 units",
        "-> aoi is away",
        "-> nothing changes",
        "-> kato speaks ja",
        "-> kato has the tag vip",
        "-> kato is resolved",
        "-> kato holds no units",
        "-> kato is promised a first answer by 09:10",
        "-> the promise of a first answer to kato is kept",
        '-> aoi reads "He is in a hurry"',
        '-> found: "nothing"',
        "why kato: Promise 'fast': a first answer was kept.",
        "why kato: It was assigned.",
        "why kato: The conversation asked for an agent. No rule decided; it is in the queue 'default'. It was "
        "assigned to aoi, who had been idle longest. And so on.",
    ],
)
def test_a_lie_is_found_out(lie: str) -> None:
    policy = Policy(queues=(document.Queue("default", auto_accept=True),))
    truth = 'agent aoi\nagent ben\n09:00  kato writes by chat: "hello"\n  -> aoi has kato\n'
    play(truth, {"1": policy})
    with pytest.raises(AssertionError):
        play(f"{truth}  {lie}\n", {"1": policy})
