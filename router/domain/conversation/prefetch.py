"""What a command will look at, so that a whole batch is loaded in few round trips."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from contracts.commands import (
    AddNote,
    AttachmentFetched,
    DeliveryReported,
    Receive,
    ResolveClaim,
    SendMessage,
    TimerDue,
    WorkAssigned,
    WorkOffered,
)
from contracts.contact import Contact
from contracts.ids import CONTACT as CONTACT_ID
from contracts.ids import identity_key, message_id
from contracts.inbound import InboundTyping
from router.domain.conversation.deliver import RETRY
from router.domain.conversation.listing import LIVE, is_here
from router.domain.conversation.tables import CLAIM, CONTACT, CONVERSATION, IDENTITY, MESSAGE, TRACE, UNDERWAY
from router.domain.turn import Reader


def touch(reader: Reader, command: Any) -> None:
    """Gets everything that can be known to be needed. What is not loaded yet may look absent, or stop this by
    ``Missing``: both are the reader's choice."""
    look = _LOOKS.get(type(command))
    if look is not None:
        look(reader, command)
    elif (contact := getattr(command, "contact", None)) is not None and isinstance(contact, str):
        reader.get(CONTACT, contact)
    elif (conversation := getattr(command, "conversation", None)) is not None:
        _conversation(reader, conversation)


def _receive(reader: Reader, command: Receive) -> None:
    event = command.event
    if type(event) is InboundTyping:
        return
    provider_id = getattr(event, "provider_id", None)
    if provider_id:
        id = message_id(command.account, provider_id)
        reader.get(MESSAGE, id)
        reader.get(TRACE, id)
    home = command.home
    if home is None:
        key = identity_key(command.channel, command.account, event.sender.address)
        identity = reader.get(IDENTITY, key)
        home = identity.contact if identity is not None else None
        if identity is not None and identity.linked_by == "verified_claim":
            reader.get(UNDERWAY, key)
    if home is not None and is_here(reader, home):
        _home(reader, home)


def _resolve(reader: Reader, command: ResolveClaim) -> None:
    home = command.owner
    if home is None:
        owner = reader.get(CLAIM, command.claim)
        home = owner.contact if owner is not None else None
    if home is not None and is_here(reader, home):
        _receive(reader, replace(command.receive, home=home))


def _home(reader: Reader, home: str) -> None:
    if not home.startswith(CONTACT_ID):
        _conversation(reader, home)
        return
    contact = reader.get(CONTACT, home)
    for ref in reversed(contact.conversations if contact is not None else ()):
        if ref.status in LIVE and is_here(reader, ref.id):
            reader.get(CONVERSATION, ref.id)
            return
    newest = contact.conversations[-1] if contact is not None and contact.conversations else None
    if newest is not None and is_here(reader, newest.id):
        reader.get(CONVERSATION, newest.id)  # the rules look at the one before


def _conversation(reader: Reader, id: str) -> None:
    conversation = reader.get(CONVERSATION, id)
    if conversation is not None:
        reader.get(CONTACT, conversation.contact)


def _of_message(reader: Reader, command: Any) -> None:
    reader.get(MESSAGE, command.message)
    _conversation(reader, command.conversation)


def _delivery(reader: Reader, command: DeliveryReported) -> None:
    message = reader.get(MESSAGE, command.message)
    reader.get(TRACE, command.message)
    if message is not None:
        for provider_id in command.provider_ids:
            reader.get(TRACE, message_id(message.account, provider_id))
    conversation = reader.get(CONVERSATION, command.conversation)
    if conversation is not None and len(conversation.sending) > 1:
        reader.get(MESSAGE, conversation.sending[1])


def _timer(reader: Reader, command: TimerDue) -> None:
    kind, _, id = command.timer.partition(":")
    if kind != RETRY:
        _conversation(reader, id)


def _with_context(reader: Reader, command: WorkOffered | WorkAssigned) -> None:
    """An assignment is given the latest messages."""
    conversation = reader.get(CONVERSATION, command.conversation)
    if conversation is None:
        return
    for id in conversation.tail:
        reader.get(MESSAGE, id)
    contact: Contact | None = reader.get(CONTACT, conversation.contact)
    for ref in contact.conversations if contact is not None else ():
        if is_here(reader, ref.id):
            reader.get(CONVERSATION, ref.id)


_LOOKS: Final[dict[type, Callable[[Reader, Any], None]]] = {
    Receive: _receive,
    ResolveClaim: _resolve,
    SendMessage: _of_message,
    AddNote: _of_message,
    AttachmentFetched: _of_message,
    DeliveryReported: _delivery,
    TimerDue: _timer,
    WorkOffered: _with_context,
    WorkAssigned: _with_context,
}
