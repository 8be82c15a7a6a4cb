"""Messages and their statuses into our events, the same for SMS and WhatsApp. Pure."""

from __future__ import annotations

import re
from typing import Final, Protocol

import msgspec

from connectors.api import Batch, Ignored, Malformed, Parsed, Request
from connectors.twilio.errors import MESSAGING, words_of
from connectors.twilio.form import BadForm, Form, read_form, source_of
from connectors.twilio.gate import BODY_HASH, NOTHING_TO_SAY
from connectors.twilio.messaging.settings import MessagingSettings
from contracts.attachment import Attachment
from contracts.content import Audio, File, Image, Part, Text, Video
from contracts.ids import attachment_id
from contracts.inbound import Inbound, InboundIdentity, InboundReceipt, Sender

STATES: Final = {
    "sent": "sent", "partially_delivered": "sent", "delivered": "delivered", "read": "read", "undelivered": "failed",
    "failed": "failed", "canceled": "failed",
}  # fmt: skip
EARLIER: Final = frozenset({"accepted", "scheduled", "queued", "sending"})
"""On its way within Twilio: we know as much."""
THEIRS: Final = frozenset({"received", "receiving"})
MESSAGE: Final = "message"
"""In the query of a status callback: our own id."""
MOST_MEDIA: Final = 10
_SID: Final = re.compile(r"[A-Za-z0-9]{1,64}")
_OURS: Final = re.compile(r"ms_[A-Za-z0-9_-]{1,64}")


class Arrival(msgspec.Struct, frozen=True):
    """A message's fields; ``sid`` and ``address`` are checked."""

    account: str
    sid: str
    address: str
    form: Form


class Said(Protocol):
    """What a channel makes of a customer's message."""

    def __call__(self, arrival: Arrival) -> tuple[Inbound, ...]: ...


def parse(request: Request, account: str, settings: MessagingSettings, prefix: str, said: Said) -> Parsed:
    """What one verified request says. ``prefix`` stands before the addresses of the channel (``whatsapp:``)."""
    if BODY_HASH in request.query:
        return _passed("a JSON body: messages come as forms")
    form = read_form(request)
    if isinstance(form, BadForm):
        return Malformed(form.reason)
    sid = form.get("MessageSid") or form.get("SmsSid") or form.get("SmsMessageSid")
    if sid is None or _SID.fullmatch(sid) is None:
        return Malformed("no MessageSid")
    if form.get("AccountSid") != settings.account_sid:
        return _passed("for another Twilio account")
    status = form.get("MessageStatus") or form.get("SmsStatus") or "received"
    if status.lower() in THEIRS:
        return _message(request, account, settings, prefix, sid, form, said)
    return _status(request, prefix, sid, status.lower(), form)


def _message(
    request: Request, account: str, settings: MessagingSettings, prefix: str, sid: str, form: Form, said: Said
) -> Parsed:
    address, ours = form.get("From"), form.get("To")
    if address is None or ours is None:
        return Malformed("a message without From or To")
    if not address.startswith(prefix) or (not prefix and ":" in address) or address == prefix:
        return _passed("a message of another channel of Twilio's")
    if settings.messaging_service_sid is None and ours != f"{prefix}{settings.phone_number}":
        return _passed("for a number that is another account's")
    return batch(request, said(Arrival(account, sid, address.removeprefix(prefix), form)))


def _status(request: Request, prefix: str, sid: str, status: str, form: Form) -> Parsed:
    if form.get("EventType") == "READ":
        status = "read"
    state = STATES.get(status)
    if state is None:
        known = "says nothing new" if status in EARLIER else "is not known"
        return _passed(f"the status {status[:32]!r} {known}")
    address = (form.get("To") or form.get("ChannelToAddress") or "").removeprefix(prefix)
    if not address:
        return Malformed("a status about nobody")
    code = form.number("ErrorCode") if state == "failed" else None
    sender = Sender(address, verified=True)
    receipt = InboundReceipt(
        sender,
        state,
        sid,
        _our_id(request),
        code=None if code is None else str(code),
        reason=words_of(MESSAGING, code) or form.get("ErrorMessage"),
    )
    gone = code is not None and code in MESSAGING and MESSAGING[code].kind == "opted_out"
    return batch(request, (receipt, InboundIdentity(sender, False, "opted_out")) if gone else (receipt,))


def _our_id(request: Request) -> str | None:
    ours = request.query.get(MESSAGE, "")
    return ours if _OURS.fullmatch(ours) else None


def batch(request: Request, events: tuple[Inbound, ...]) -> Batch:
    """All that a request said; each event's piece of it is the whole."""
    return Batch(events, (source_of(request),) * len(events), response=NOTHING_TO_SAY)


def _passed(reason: str) -> Ignored:
    return Ignored(reason, NOTHING_TO_SAY)


# -- content --------------------------------------------------------------------------------------------------------


def parts_of(form: Form, message: str) -> tuple[Part, ...]:
    """The words and the files of a message with our id ``message``; a single picture has the words under it."""
    words, files = form.get("Body"), _files(form, message)
    if words is None:
        return files
    if len(files) == 1 and isinstance(files[0], Image | Video | File):
        return (msgspec.structs.replace(files[0], caption=words),)
    return (Text(words), *files)


def _files(form: Form, message: str) -> tuple[Part, ...]:
    count = min(form.number("NumMedia") or 0, MOST_MEDIA)
    found = [(form.get(f"MediaUrl{at}"), form.get(f"MediaContentType{at}"), at) for at in range(count)]
    return tuple(_file(url, kind or "", attachment_id(message, at)) for url, kind, at in found if url is not None)


def _file(url: str, kind: str, id: str) -> Part:
    media_type = kind.partition(";")[0].strip().lower()[:100] or "application/octet-stream"
    attachment = Attachment(id, None, media_type, source=url)
    match media_type.partition("/")[0]:
        case "image":
            return Image(attachment)
        case "video":
            return Video(attachment)
        case "audio":
            return Audio(attachment)
        case _:
            return File(attachment)
