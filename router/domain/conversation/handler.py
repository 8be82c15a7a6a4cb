"""The handler of a conversation shard: which rule carries out which command."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from contracts.commands import (
    AbsorbContact,
    AddNote,
    AttachmentFetched,
    ClaimVerified,
    Consult,
    DeliveryReported,
    Enriched,
    LinkIdentity,
    MergeContact,
    NoteConversation,
    NotifyCustomer,
    ProfileFetched,
    PutTerms,
    Receive,
    RedeemHandover,
    RefuseMerge,
    RepointIdentity,
    RequestCallback,
    ResolveClaim,
    SendMessage,
    SetPriority,
    SetStatus,
    TagConversation,
    TimerDue,
    Transfer,
    UnlinkIdentity,
    UpdateContact,
    WorkAssigned,
    WorkClassified,
    WorkDiverted,
    WorkOffered,
    WorkReturned,
)
from router.domain.conversation import (
    answer,
    arrive,
    care,
    consult,
    deliver,
    divert,
    draft,
    enrich,
    fetch,
    label,
    link,
    listing,
    media,
    merge,
    notice,
    person,
    pointer,
    prefetch,
    promise,
    redeem,
    resolve,
    status,
    terms,
    watch,
    work,
)
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.tables import DELIVER, FETCH, TABLES, Delivery, MediaFetch
from router.domain.turn import Reader, Table, Turn

Rule = Callable[[Turn, ConversationRules, Any], None]


class UnknownCommand(ValueError):
    """A command that no rule of conversation shards carries out."""


class ConversationHandler:
    """Rules of conversation shards. Keeps nothing between commands but what ``resume`` needs after a take-over."""

    tables: Sequence[Table[Any]] = TABLES

    def __init__(self, rules: ConversationRules) -> None:
        self._rules = rules
        self._deliveries: dict[str, Delivery] = {}
        self._fetches: dict[str, MediaFetch] = {}

    def load(self, shard: str, shards: int, rows: dict[str, dict[str, Any]]) -> None:
        self._deliveries = rows.get(DELIVER.name, {})
        self._fetches = rows.get(FETCH.name, {})

    def needs(self, reader: Reader, command: Any) -> None:
        prefetch.touch(reader, command)

    def handle(self, turn: Turn, command: Any) -> None:
        rule = _RULES.get(type(command))
        if rule is None:
            raise UnknownCommand(f"no rule for {type(command).__name__}")
        rule(turn, self._rules, command)

    def resume(self) -> Iterable[object]:
        deliveries = [deliver.effect(row) for row in self._deliveries.values()]
        return [*deliveries, *(fetch.effect(row) for row in self._fetches.values())]


def _note_elsewhere(turn: Turn, rules: ConversationRules, command: NoteConversation) -> None:
    listing.note_elsewhere(turn, command)


def _timer(turn: Turn, rules: ConversationRules, command: TimerDue) -> None:
    kind, _, id = command.timer.partition(":")
    _TIMERS[kind](turn, rules, id)


_TIMERS: Final[dict[str, Callable[[Turn, ConversationRules, str], None]]] = {
    status.SNOOZE: status.snooze_over,
    status.CLOSE: status.close_due,
    deliver.RETRY: deliver.retry_due,
    draft.SLA: promise.due,
    watch.UNANSWERED: care.unanswered,
    watch.IDLE: care.silent,
}

_RULES: Final[dict[type, Rule]] = {
    Receive: arrive.receive,
    RepointIdentity: pointer.repoint_identity,
    ClaimVerified: link.claim_verified,
    ResolveClaim: resolve.resolve,
    RedeemHandover: redeem.redeem,
    LinkIdentity: link.link_identity,
    UnlinkIdentity: link.unlink_identity,
    MergeContact: merge.merge,
    AbsorbContact: merge.absorb,
    RefuseMerge: merge.refuse_merge,
    UpdateContact: person.update,
    ProfileFetched: person.profile_fetched,
    NoteConversation: _note_elsewhere,
    SendMessage: answer.send,
    AddNote: answer.note,
    SetStatus: status.set_status,
    TagConversation: label.tag,
    SetPriority: label.set_priority,
    Transfer: work.transfer,
    Consult: consult.consult,
    PutTerms: terms.put_terms,
    WorkClassified: promise.classified,
    NotifyCustomer: notice.notify,
    WorkDiverted: divert.diverted,
    RequestCallback: divert.request_callback,
    Enriched: enrich.enriched,
    DeliveryReported: deliver.reported,
    AttachmentFetched: media.fetched,
    WorkOffered: work.offered,
    WorkAssigned: work.assigned,
    WorkReturned: work.returned,
    TimerDue: _timer,
}
