"""Whatever is asked, in whatever order the shards and relays get to it: what must hold, holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.codec import moment
from contracts.commands import (
    AddNote,
    Consult,
    DeliveryReported,
    Enriched,
    LinkIdentity,
    MergeContact,
    NotifyCustomer,
    PutTerms,
    RequestCallback,
    SendMessage,
    SetPriority,
    SetStatus,
    Transfer,
    UnlinkIdentity,
    UpdateContact,
    WorkAssigned,
    WorkClassified,
    WorkDiverted,
    WorkReturned,
)
from contracts.content import Text
from contracts.events import (
    Event,
    MessageReceived,
    MessageStateChanged,
    SlaBreached,
    SlaChanged,
    SlaMet,
    SlaPaused,
    SlaStarted,
)
from contracts.identity import Claims, Identity
from contracts.ids import message_id, shard_of
from contracts.inbound import InboundEdit, InboundIdentity, InboundReceipt, InboundUnsend, Sender
from contracts.policy import Calendar, Sla
from contracts.streams import conversation_shard
from contracts.terms import Care, Terms
from router.domain.conversation.sla import next_ms
from router.domain.conversation.state import is_forward
from router.domain.effects import Deliver
from tests.router.domain.conversation.world import World
from tests.router.domain.memory import START_MS

T0 = moment(START_MS)
PEOPLE = ("a", "b", "c", "d", "e")
CHANNELS = ("line", "webchat")
numbers = st.integers(0, 5)
who = st.tuples(st.sampled_from(PEOPLE), st.sampled_from(CHANNELS))

step = st.tuples(st.just("step"), numbers, st.integers(0, 20))
write = st.tuples(st.just("write"), who, st.integers(0, 12))
change = st.tuples(st.sampled_from(["edit", "unsend"]), who, st.integers(0, 12))
receipt = st.tuples(st.just("receipt"), st.sampled_from(["delivered", "read", "failed", "sent"]), numbers)
work = st.tuples(
    st.sampled_from(["resolve", "open", "assign", "return", "transfer", "close", "snooze"]), numbers, numbers
)
say = st.tuples(st.sampled_from(["send", "send", "note"]), numbers, st.integers(0, 9))
report = st.tuples(st.just("report"), st.sampled_from(["sent", "failed", "retry", "uncertain", "delivered"]), numbers)
pause = st.tuples(st.just("pause"), st.integers(1, 400_000), numbers)
ordinary = st.one_of(step, step, write, write, change, receipt, work, say, report, pause)
link = st.tuples(st.sampled_from(["merge", "code", "claim", "external"]), who, numbers)
promise = st.tuples(
    st.sampled_from(["classify", "terms", "notify", "divert", "callback", "consult", "enrich", "rank", "floor"]),
    numbers,
    numbers,
)
by_hand = st.tuples(st.sampled_from(["link", "unlink"]), who, numbers)


class Actor:
    """Carries out drawn actions on whatever there is."""

    def __init__(self, shards: int = 3) -> None:
        self.world = World(shards)
        self.store = self.world.store
        self.codes: list[str] = []
        self.due: list[Deliver] = []
        self.told: set[str] = set()
        self.out: list[tuple[str, str]] = []

    def run(self, actions: list[tuple[Any, ...]]) -> None:
        for kind, *values in actions:
            getattr(self, kind)(*values)

    def step(self, first: int, count: int) -> None:
        for number in range(count + 1):
            if names := self.store.ready():
                self.store.step(names[(first + number) % len(names)])

    def finish(self) -> World:
        """Lets everything come to rest, the sending too."""
        for _ in range(200):
            self.store.settle(lambda names: names[-1])
            self.store.advance(seconds=1)
            if not (effects := self.store.effects(Deliver)):
                break
            self.due = effects
            self.report("sent", 0)
        return self.world

    # -- customers --

    def write(self, who: tuple[str, str], number: int, **more: Any) -> None:
        provider_id = f"{who}{number}"
        self.told.add(message_id(who[1], provider_id))
        sent_at = T0 + timedelta(seconds=number)
        message = self.world.message(who[0], str(number), provider_id=provider_id, sent_at=sent_at, **more)
        self.world.put(self.world.command(message, who[1]))

    def edit(self, who: tuple[str, str], number: int) -> None:
        event = InboundEdit(f"{who}{number}", Sender(who[0]), (Text("edited"),), T0)
        self.world.put(self.world.command(event, who[1]))

    def unsend(self, who: tuple[str, str], number: int) -> None:
        self.world.put(self.world.command(InboundUnsend(f"{who}{number}", Sender(who[0]), T0), who[1]))

    def receipt(self, state: str, pick: int) -> None:
        if self.out:
            id, address = self.out[pick % len(self.out)]
            channel = address.partition(":")[0]
            event = InboundReceipt(Sender(address.split(":")[2]), state, provider_id=f"out-{id}")
            self.world.put(self.world.command(event, channel))

    # -- agents --

    def conversation(self, pick: int) -> str | None:
        found = self.world.conversations
        return found[pick % len(found)].id if found else None

    def ask(self, pick: int, kind: Any, **fields: Any) -> None:
        if (id := self.conversation(pick)) is not None:
            self.store.submit(conversation_shard(shard_of(id)), kind(conversation=id, **fields))

    def resolve(self, pick: int, _: int) -> None:
        self.ask(pick, SetStatus, status="resolved", id=f"r{next(self.world.numbers)}")

    def close(self, pick: int, _: int) -> None:
        self.ask(pick, SetStatus, status="closed", id=f"c{next(self.world.numbers)}")

    def open(self, pick: int, _: int) -> None:
        self.ask(pick, SetStatus, status="open", id=f"o{next(self.world.numbers)}")

    def snooze(self, pick: int, seconds: int) -> None:
        until = moment(self.store.now_ms + 1 + seconds * 1000)
        self.ask(pick, SetStatus, status="snoozed", until=until, id=f"s{next(self.world.numbers)}")

    def assign(self, pick: int, agent: int) -> None:
        self.ask(pick, WorkAssigned, agent=f"agent{agent}", queue="default")

    def transfer(self, pick: int, agent: int) -> None:
        self.ask(pick, Transfer, queue="q", note="why", id=f"t{next(self.world.numbers)}")

    # A keyword, so not a method's name in the class body.
    def give_back(self, pick: int, agent: int) -> None:
        self.ask(pick, WorkReturned, agent=f"agent{agent}", reason="left")

    def send(self, pick: int, number: int) -> None:
        message = f"ms_{number}_{self.conversation(pick)}"
        self.ask(pick, SendMessage, message=message, parts=(Text("hi"),), id=f"m{next(self.world.numbers)}")

    def note(self, pick: int, number: int) -> None:
        message = f"ms_n{number}_{self.conversation(pick)}"
        self.ask(pick, AddNote, message=message, parts=(Text("note"),), id=f"n{next(self.world.numbers)}")

    def report(self, result: Any, pick: int) -> None:
        self.due += self.store.effects(Deliver)
        for effect in self.due:
            message = next(each for each in self.world.messages() if each.id == effect.message)
            self.out.append((message.id, f"{message.channel}:{message.account}:{message.address}"))
            shard = conversation_shard(shard_of(effect.conversation))
            self.store.submit(
                shard,
                DeliveryReported(
                    conversation=effect.conversation,
                    message=effect.message,
                    attempt=effect.attempt,
                    result=result,
                    provider_ids=(f"out-{effect.message}",) if result in ("sent", "delivered") else (),
                    retry_at=moment(self.store.now_ms + pick * 100),
                ),
            )
        self.due = []

    def pause(self, seconds: int, pick: int) -> None:
        self.store.advance(seconds=seconds, choose=lambda names: names[pick % len(names)])

    # -- who is who --

    def person(self, pick: int) -> str | None:
        found = sorted(self.store_people())
        return found[pick % len(found)] if found else None

    def store_people(self) -> list[str]:
        return [each.id for each in self.world.contacts]

    def to_contact(self, id: str, command: Any) -> None:
        self.store.submit(conversation_shard(shard_of(id)), command)

    def merge(self, _: tuple[str, str], pick: int) -> None:
        first, second = self.person(pick), self.person(pick // 2 + 1)
        if first and second:
            self.to_contact(first, MergeContact(contact=first, into=second, why="x", id=f"g{next(self.world.numbers)}"))

    def code(self, who: tuple[str, str], pick: int) -> None:
        if pick == 0 and self.codes:
            code = self.codes[-1]
        elif (contact := self.person(pick)) is not None:
            code = self.world.code(contact)
        else:
            return
        self.codes.append(code)
        self.write(who, 100 + next(self.world.numbers), handover=code)

    def claim(self, who: tuple[str, str], pick: int) -> None:
        claims = Claims(email=f"{pick % 2}@x.jp", email_verified=True)
        if pick > 2:
            self.write(who, 100 + next(self.world.numbers), sender=Sender(who[0], verified=True, claims=claims))
        else:
            self.world.put(self.world.command(InboundIdentity(Sender(who[0], claims=claims)), who[1]))

    def external(self, _: tuple[str, str], pick: int) -> None:
        if (contact := self.person(pick)) is not None:
            self.to_contact(contact, UpdateContact(contact=contact, claims=Claims(external_id=str(pick % 2))))

    def link(self, who: tuple[str, str], pick: int) -> None:
        if (contact := self.person(pick)) is not None:
            identity = Identity(who[1], who[1], who[0], contact)
            id = f"l{next(self.world.numbers)}"
            self.to_contact(contact, LinkIdentity(id=id, contact=contact, identity=identity, why="x", by="agent:a"))

    def unlink(self, who: tuple[str, str], pick: int) -> None:
        if (contact := self.person(pick)) is not None:
            command = UnlinkIdentity(
                id=f"u{next(self.world.numbers)}",
                contact=contact,
                channel=who[1],
                account=who[1],
                address=who[0],
                why="x",
            )
            self.to_contact(contact, command)

    # -- promises, care, notices --

    def terms(self, number: int, pick: int) -> None:
        for shard in range(self.world.shards):
            self.store.submit(conversation_shard(shard), PutTerms(terms=TERMS[pick % len(TERMS)]))

    def classify(self, pick: int, sla: int) -> None:
        self.ask(pick, WorkClassified, queue="default", sla=[None, "quick", "office", "gone"][sla % 4])

    def notify(self, pick: int, once: int) -> None:
        text = ["position", "alternative", "closed"][once % 3]
        self.ask(pick, NotifyCustomer, text=text, values={"position": "1"}, once=str(once) if once < 3 else None)

    def divert(self, pick: int, to: int) -> None:
        self.ask(pick, WorkDiverted, to=["callback", "voicemail", "mail", "resolve"][to % 4], queue="default")

    def callback(self, pick: int, seconds: int) -> None:
        at = moment(self.store.now_ms + seconds * 1000) if seconds else None
        self.ask(pick, RequestCallback, at=at, id=f"k{next(self.world.numbers)}")

    def consult(self, pick: int, agent: int) -> None:
        end = agent % 2 == 0
        self.ask(pick, Consult, agent=f"agent{agent // 2}", end=end, id=f"v{next(self.world.numbers)}")

    def enrich(self, pick: int, value: int) -> None:
        self.ask(pick, Enriched, enricher="x", attributes={"mood": str(value)}, language="ja" if value else None)

    def rank(self, pick: int, priority: int) -> None:
        self.ask(pick, SetPriority, priority=priority, id=f"p{next(self.world.numbers)}")

    def floor(self, pick: int, floor: int) -> None:
        by = f"agent:agent{floor}"
        fields = {"message": f"ms_{next(self.world.numbers)}", "parts": (Text("hi"),), "floor": floor, "by": by}
        self.ask(pick, SendMessage, id=f"f{next(self.world.numbers)}", **fields)


setattr(Actor, "return", Actor.give_back)

TERMS = (
    Terms(
        1,
        slas={"quick": Sla(60, 30, 600, at_risk_priority=5, notice="late"), "office": Sla(600, 600, None, "office")},
        calendars={"office": Calendar("Asia/Tokyo", dict.fromkeys(("mon", "fri", "sat"), ("09:00-12:00",)))},
        care={"default": Care(idle_after_s=300, unanswered_s=200)},
        bots=("agent1",),
    ),
    Terms(1, slas={"quick": Sla(None, 30, None)}, care={"default": Care(unanswered_s=50, unanswered="requeue")}),
    Terms(1),
)


def check(actor: Actor, world: World) -> None:
    """Each message once, none lost; states forward; nothing left over in the queues."""
    received = Counter(event.message.id for event in world.store.events(kind=MessageReceived))
    assert set(received) == actor.told and set(received.values()) <= {1}
    kept = Counter(each.id for each in world.messages() if each.direction == "inbound")
    assert kept == received
    logged = Counter(id for shard in world.store.shards.values() for ids in shard.lists.values() for id in ids)
    assert set(logged.values()) <= {1} and set(logged) == {each.id for each in world.messages()}
    states: dict[str, str] = {}
    for event in world.store.events(kind=Event):
        if isinstance(event, MessageStateChanged):
            assert is_forward(states.get(event.message_id, "queued"), event.state)
            states[event.message_id] = event.state
    for conversation in world.conversations:
        assert conversation.sending == ()
        live = conversation.status in ("open", "waiting", "snoozed")
        assert live or (conversation.agent is None and conversation.offered_to is None)
    people = {contact.id: contact for contact in world.contacts}
    for contact in people.values():
        listed = {ref.id: ref for ref in contact.conversations}
        for conversation in world.conversations:
            if conversation.contact == contact.id and conversation.id in listed:
                assert listed[conversation.id].status == conversation.status


SETTINGS = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@SETTINGS
@given(st.lists(ordinary, min_size=5, max_size=60))
def test_conversations(actions: list[tuple[Any, ...]]) -> None:
    actor = Actor()
    actor.run(actions)
    world = actor.finish()
    check(actor, world)
    world.check()
    assert len(world.contacts) == len({each.address + each.channel for each in world.messages() if each.address})


def check_promises(world: World) -> None:
    """Timers and clocks agree, every clock that started ended once or stands, and what is over holds nothing."""
    timers = {key: at for shard in world.store.shards.values() for key, at in shard.timers.items()}
    for conversation in world.conversations:
        assert timers.get(f"sla:{conversation.id}") == next_ms(conversation.sla)
        live = conversation.status in ("open", "waiting", "snoozed")
        assert live or not (conversation.consulted or conversation.idle or conversation.diverted)
        assert live or conversation.sla is None or conversation.sla.clocks == ()
        assert not conversation.idle or conversation.agent is not None
        assert conversation.callback_at is None or conversation.status == "snoozed"
        for clock in conversation.sla.clocks if conversation.sla else ():
            told = [event for event in world.events(conversation.id) if isinstance(event, SlaStarted | SlaPaused)]
            last = [event for event in told if event.target == clock.target][-1]
            assert isinstance(last, SlaPaused) == (clock.left_s is not None)
            assert last.due_at == clock.due_at
        _check_ends(world, conversation.id)


def _check_ends(world: World, conversation: str) -> None:
    """Met and breached only what runs; met late only what was breached."""
    running: dict[tuple[str, str], bool] = {}
    for event in world.events(conversation):
        if isinstance(event, SlaChanged):
            clock = (event.sla, event.target)
            if isinstance(event, SlaStarted):
                running.setdefault(clock, False)
            elif isinstance(event, SlaBreached):
                assert event.due_at is not None and event.due_at <= event.at
                running[clock] = True
            elif isinstance(event, SlaMet):
                broken = running.pop(clock)
                assert broken or event.late_s == 0


@SETTINGS
@given(st.lists(st.one_of(ordinary, promise, promise, work, pause), min_size=5, max_size=60))
def test_promises_care_and_notices(actions: list[tuple[Any, ...]]) -> None:
    actor = Actor()
    actor.terms(0, 0)
    actor.run(actions)
    world = actor.finish()
    check(actor, world)
    check_promises(world)
    world.check()


@SETTINGS
@given(st.lists(st.one_of(step, step, write, write, link, link, by_hand, work, say, report), min_size=5, max_size=60))
def test_people_linked_and_merged_all_at_once(actions: list[tuple[Any, ...]]) -> None:
    actor = Actor()
    actor.run(actions)
    world = actor.finish()
    check(actor, world)
    world.check(at_once=True)


@SETTINGS
@given(st.lists(st.one_of(step, write, write, link, by_hand, say, report), min_size=5, max_size=60))
def test_people_linked_and_merged_one_after_the_other(actions: list[tuple[Any, ...]]) -> None:
    actor = Actor()
    for action in actions:
        settled = action[0] in ("link", "unlink", "merge", "code", "claim", "external")
        if settled:
            actor.store.settle()
        actor.run([action])
        if settled:
            actor.store.settle()
    world = actor.finish()
    check(actor, world)
    world.check()


@SETTINGS
@given(st.lists(st.one_of(step, write), min_size=5, max_size=60))
def test_all_who_prove_the_same_are_one_person_with_one_conversation(actions: list[tuple[Any, ...]]) -> None:
    actor, told = Actor(), defaultdict[str, list[str]](list)
    for kind, first, *rest in actions:
        if kind == "step":
            actor.step(first, *rest)
            continue
        claims = Claims(email="taro@x.jp", email_verified=True)
        actor.write(first, *rest, sender=Sender(first[0], verified=True, claims=claims))
        provider_id = f"{first}{rest[0]}"
        told[f"{first}"] += [provider_id] if provider_id not in told[f"{first}"] else []
    world = actor.finish()
    check(actor, world)
    world.check()
    assert len(world.contacts) == len(world.conversations) == min(len(told), 1)
    for who, said in told.items():
        assert [each.provider_id for each in world.messages() if (each.provider_id or "").startswith(who)] == said


def test_a_redelivery_is_found_out_while_its_contact_moves() -> None:
    """The homes that took the message know nothing of each other; the identity's shard does."""
    world = World()
    address = world.address("a", 0)
    world.write(address)
    world.write(world.address("b", 1))
    world.merge(world.owner(address), world.owner(world.address("b", 1)))
    first, second = world.command(world.message(address, provider_id="p")), world.owner(world.address("b", 1))
    third = world.address("c", 2)
    world.write(third)
    world.put(first)
    world.store.settle()
    world.merge(second, world.owner(third))
    world.put(first)
    world.store.settle()
    received = [event.message.provider_id for event in world.store.events(kind=MessageReceived)]
    assert received.count("p") == 1
    world.check()
