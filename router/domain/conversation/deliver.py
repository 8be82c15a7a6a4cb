"""The outbound queue of a conversation: one message under way at a time, so that answers arrive in order."""

from __future__ import annotations

from typing import cast

from msgspec.structs import replace

from contracts.codec import milliseconds
from contracts.commands import DeliveryReported
from contracts.conversation import Reach
from contracts.ids import message_id
from contracts.message import STATE_RANK, Message, MessageState
from router.domain.conversation.draft import Draft
from router.domain.conversation.listing import bounded
from router.domain.conversation.rules import ConversationRules
from router.domain.conversation.state import move
from router.domain.conversation.tables import AUTOMATIC, CONVERSATION, DELIVER, MESSAGE, TRACE, Delivery, Receipt, Trace
from router.domain.conversation.watch import watch
from router.domain.effects import Deliver
from router.domain.turn import Turn

RETRY = "retry"


def begin(draft: Draft, message: Message) -> None:
    """The message is the head of the queue: it is sent now."""
    turn = draft.turn
    row = Delivery(
        message=message.id,
        conversation=message.conversation,
        channel=message.channel,
        account=message.account,
        attempt=1,
        ready_ms=turn.at_ms,
        asked_ms=turn.at_ms,
    )
    turn.put(DELIVER, row.message, row)
    turn.after(effect(row))


def effect(row: Delivery) -> Deliver:
    """What the shell is asked to do for a delivery."""
    return Deliver(row.message, row.conversation, row.attempt, row.ready_ms)


def reported(turn: Turn, rules: ConversationRules, command: DeliveryReported) -> None:
    """``DeliveryReported``: only the attempt that is under way may report."""
    row = turn.get(DELIVER, command.message)
    message = turn.get(MESSAGE, command.message)
    conversation = turn.get(CONVERSATION, command.conversation)
    if row is None or row.attempt != command.attempt or message is None or conversation is None:
        return
    draft = Draft(turn, conversation, command.id)
    if command.result == "sending":
        move(draft, message, "sending", turn.at)
        draft.save()
        return
    if command.used_token:
        _spend_token(draft, message, row)
    if command.result == "retry":
        _retry_later(turn, row, message, command)
    else:
        _settle(draft, message, command)
    draft.save()


def retry_due(turn: Turn, rules: ConversationRules, message: str) -> None:
    """The time of another attempt has come."""
    row = turn.get(DELIVER, message)
    if row is not None and row.ready_ms <= turn.at_ms:
        turn.after(effect(row))


def _retry_later(turn: Turn, row: Delivery, message: Message, command: DeliveryReported) -> None:
    """The next attempt is written down now, so that a crash before its time loses nothing."""
    ready_ms = max(turn.at_ms, milliseconds(command.retry_at) if command.retry_at is not None else 0)
    done = max(row.done_pieces, command.sent_parts)
    row = replace(row, attempt=row.attempt + 1, ready_ms=ready_ms, done_pieces=done)
    turn.put(DELIVER, row.message, row)
    turn.timer(f"{RETRY}:{row.message}", ready_ms)
    message = replace(message, provider_id=_first_id(message, command))
    _keep(turn, message.id, _name(turn, message, command.provider_ids))
    turn.put(MESSAGE, message.id, replace(message, attempts=command.attempt, problem=command.problem))


def _settle(draft: Draft, message: Message, command: DeliveryReported) -> None:
    """Sent, failed, or nobody knows: the next one goes."""
    turn = draft.turn
    message = replace(message, attempts=command.attempt, provider_id=_first_id(message, command))
    receipts = _name(turn, message, command.provider_ids)
    if command.result in ("sent", "delivered"):
        message = move(draft, message, "sent", turn.at, sent_at=message.sent_at or turn.at)
        _extend_thread(draft, message)
    if command.result != "sent":
        message = move(draft, message, cast(MessageState, command.result), turn.at, command.problem)
    turn.put(MESSAGE, message.id, message)
    for receipt in receipts:
        message = move(draft, message, receipt.state, receipt.at, receipt.problem)
    if command.result == "failed" and draft.now.waiting_since is None and AUTOMATIC not in message.flags:
        draft.change(waiting_since=message.at)
        watch(draft)
    turn.drop(DELIVER, message.id)
    turn.clear_timer(f"{RETRY}:{message.id}")
    draft.change(sending=tuple(each for each in draft.now.sending if each != message.id))
    _next(draft)


def _next(draft: Draft) -> None:
    if draft.now.sending:
        head = draft.turn.get(MESSAGE, draft.now.sending[0])
        if head is not None:
            begin(draft, head)
            return
        draft.change(sending=draft.now.sending[1:])
        _next(draft)


def _first_id(message: Message, command: DeliveryReported) -> str | None:
    """The provider's id of the message's first piece."""
    return message.provider_id or next(iter(command.provider_ids), None)


def _keep(turn: Turn, message: str, receipts: list[Receipt]) -> None:
    """Receipts for pieces of a message that is not sent whole yet wait until it is."""
    known = turn.get(TRACE, message) or Trace()
    if receipts or known.receipts:
        turn.put(TRACE, message, replace(known, receipts=tuple(receipts)))


def _name(turn: Turn, message: Message, provider_ids: tuple[str, ...]) -> list[Receipt]:
    """Notes what the provider calls the message; gives the receipts that were here before."""
    early = turn.get(TRACE, message.id)
    receipts = list(early.receipts) if early is not None else []
    for provider_id in filter(None, provider_ids):
        key = message_id(message.account, provider_id)
        known = turn.get(TRACE, key) or Trace()
        receipts += known.receipts
        named = replace(known, message=message.id, conversation=message.conversation, receipts=())
        turn.put(TRACE, key, named)
    return sorted(receipts, key=lambda receipt: STATE_RANK[receipt.state])


def _spend_token(draft: Draft, message: Message, row: Delivery) -> None:
    """The single-use token is gone, unless the customer has given us a new one since."""
    draft.change(reaches=tuple(_without_token(reach, message, row) for reach in draft.now.reaches))


def _without_token(reach: Reach, message: Message, row: Delivery) -> Reach:
    place = (reach.channel, reach.account, reach.address)
    if place != (message.channel, message.account, message.address) or reach.reply is None:
        return reach
    if milliseconds(reach.last_at) > row.ready_ms:
        return reach
    return replace(reach, reply=replace(reach.reply, token=None, token_expires_at=None))


def _extend_thread(draft: Draft, message: Message) -> None:
    """Where threads hang together by references, ours becomes one of them."""
    if message.provider_id is None or not any(reach.references for reach in draft.now.reaches):
        return
    place = (message.channel, message.account, message.address)
    draft.change(
        reaches=tuple(
            replace(reach, references=bounded((*reach.references, message.provider_id)))
            if (reach.channel, reach.account, reach.address) == place and reach.references
            else reach
            for reach in draft.now.reaches
        )
    )
