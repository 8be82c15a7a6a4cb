"""A mail as it came to what the contracts say. Pure, and total: what cannot be read becomes a message that says so."""

from __future__ import annotations

import hashlib
import html
import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from typing import Final

import msgspec

from connectors.api import Batch
from connectors.email.address import Address, addresses, normal
from connectors.email.charset import decode
from connectors.email.headers import Headers, clean
from connectors.email.limits import MESSAGE_BYTES, REFERENCES, TEXT_CHARACTERS, TooMuch
from connectors.email.mime import Part, read_parts, top_headers
from connectors.email.names import safe_name
from connectors.email.quotes import cut_history
from connectors.email.reports import read_report
from connectors.email.text import html_to_text, tidy, unflow
from connectors.email.tokens import read_message_id, read_token, token_in
from connectors.email.trust import asks_for_silence, dmarc_passed, is_automatic
from contracts import ids
from contracts.attachment import Attachment
from contracts.content import Audio, File, Image, Text, Video
from contracts.content import Part as Content
from contracts.identity import Claims, Profile
from contracts.inbound import InboundMessage, Sender, Threading

LOOP_HEADER: Final = "X-Madoguchi-Loop"
SYNTHETIC: Final = "sha256-"
"""Begins the provider id of a mail that has no Message-ID of its own."""
_JAPAN: Final = timezone(timedelta(hours=9))
_ZONELESS: Final = re.compile(r"\d:\d\d\s*(\(?(JST|KST)\)?\s*)?$", re.I)
_RECIPIENTS: Final = ("delivered-to", "x-original-to", "envelope-to", "to", "cc")


class Envelope(msgspec.Struct, frozen=True):
    """How a mail came: the SMTP envelope where there was one, and when it was taken.

    ``mail_from``: empty for the null sender, None when not known (IMAP).
    """

    mail_from: str | None = None
    recipients: tuple[str, ...] = ()
    received_at: datetime | None = None


class Mailbox(msgspec.Struct, frozen=True):
    """What of an account's settings reading a mail depends on. ``addresses``: all of ours, in their one spelling."""

    account: str
    addresses: tuple[str, ...]
    domain: str
    """Of our own Message-IDs."""
    loop: str = ""
    """The value of our own loop header."""
    authserv_ids: tuple[str, ...] = ()
    separator: str = "+"
    message_bytes: int = MESSAGE_BYTES
    key: bytes = b""

    def __repr__(self) -> str:
        return f"Mailbox({self.account!r})"


class _Body(msgspec.Struct):
    """What is shown of a mail: blocks of (plain text, HTML), the files, and what was noticed on the way."""

    blocks: list[tuple[str | None, str | None]] = []
    files: list[tuple[Part, bytes]] = []
    guessed: bool = False


def parse_mail(raw: bytes, envelope: Envelope, mailbox: Mailbox) -> Batch:
    """The events of a mail: one message, or receipts of what we sent, or none and why."""
    try:
        root = read_parts(raw, mailbox.message_bytes)
        return _read(raw, root, envelope, mailbox)
    except TooMuch as error:
        return quarantined(raw, envelope, mailbox, error.what)
    except Exception as error:  # One strange mail must never stop the next; its source is kept.
        return quarantined(raw, envelope, mailbox, f"of its form ({type(error).__name__})")


def quarantined(raw: bytes, envelope: Envelope, mailbox: Mailbox, what: str) -> Batch:
    """A message that says that its mail could not be read and why; nothing in the mail is believed."""
    headers = top_headers(raw)
    provider_id = _provider_id(raw, headers)
    message = InboundMessage(
        provider_id=provider_id,
        sender=_sender(_authors_or_none(headers), envelope, provider_id),
        parts=(Text(f"This mail could not be read: {what}. Its source is kept."),),
        sent_at=envelope.received_at,
        subject=_subject_or_none(headers),
        threading=Threading(thread=provider_id),
        flags=("quarantined",),
    )
    return Batch(events=(message,))


def _read(raw: bytes, root: Part, envelope: Envelope, mailbox: Mailbox) -> Batch:
    headers = root.headers
    authors = _authors(headers)
    # Reports are read first: some servers send them in the name of the address that they are about.
    report = read_report(raw, root, mailbox.domain) if root.media_type == "multipart/report" else None
    if isinstance(report, str):
        return Batch(ignored=(report,))
    if report is not None:
        return Batch(events=tuple(report))
    if any(author.email in mailbox.addresses for author in authors):
        return Batch(ignored=("our own address wrote it",))
    if mailbox.loop and headers.first(LOOP_HEADER.lower()).strip() == mailbox.loop:
        return Batch(ignored=("a mail of ours came back",))
    return _message(raw, root, authors, envelope, mailbox)


def _message(raw: bytes, root: Part, authors: list[Address], envelope: Envelope, mailbox: Mailbox) -> Batch:
    headers = root.headers
    provider_id = _provider_id(raw, headers)
    body = _Body()
    _collect(raw, root, body)
    texts, flags = _texts(body)
    files, blobs = _files(body, ids.message_id(mailbox.account, provider_id))
    # One author who passes, and no second From line that another program might show instead.
    single = len(authors) == 1 and len(headers.raw("from")) == 1
    verified = single and dmarc_passed(headers, mailbox.authserv_ids, authors[0].email)
    subject = headers.words("subject")[:2000] or None
    message = InboundMessage(
        provider_id=provider_id,
        sender=_sender(authors, envelope, provider_id, verified),
        parts=(*texts, *files),
        sent_at=_sent_at(headers.first("date"), envelope.received_at),
        subject=subject,
        threading=_threading(headers, provider_id, envelope, mailbox),
        extra=_extra(headers),
        flags=(*_flags(root, authors, envelope, body), *flags),
    )
    return Batch(events=(message,), blobs=blobs)


# -- who ------------------------------------------------------------------------------------------------------------


def _authors(headers: Headers) -> list[Address]:
    return [address for value in headers.raw("from") for address in addresses(value)]


def _authors_or_none(headers: Headers) -> list[Address]:
    try:
        return _authors(headers)
    except TooMuch:
        return []


def _sender(authors: list[Address], envelope: Envelope, provider_id: str, verified: bool = False) -> Sender:
    author = authors[0] if authors else Address(normal(envelope.mail_from or "") or _nobody(provider_id))
    claims = Claims() if author.email.endswith("@unknown.invalid") else Claims(author.email, email_verified=verified)
    return Sender(author.email, verified=verified, claims=claims, profile=Profile(name=author.name))


def _nobody(provider_id: str) -> str:
    """A mail without an author gets an address of its own, so that strangers never share a conversation."""
    return f"{ids.digest(provider_id)}@unknown.invalid"


def _provider_id(raw: bytes, headers: Headers) -> str:
    try:
        found = headers.ids("message-id")
    except TooMuch:
        found = []
    return found[0] if found else f"{SYNTHETIC}{hashlib.sha256(raw).hexdigest()}"


def _subject_or_none(headers: Headers) -> str | None:
    try:
        return headers.words("subject") or None
    except TooMuch:
        return None


def _extra(headers: Headers) -> dict[str, str] | None:
    """Facts that have no place of their own: where else an answer was asked to go, who else was written to."""
    found = {name: headers.words(name)[:1000] for name in ("reply-to", "to", "cc")}
    return {name.replace("-", "_"): value for name, value in found.items() if value} or None


# -- when and where -------------------------------------------------------------------------------------------------


def _sent_at(text: str, received_at: datetime | None) -> datetime | None:
    """The mail's own date in UTC, never after it was received; the latter when there is none to be had."""
    sent = _date(text)
    if sent is None or (received_at is not None and sent > received_at):
        return received_at
    return sent


def _date(text: str) -> datetime | None:
    try:
        parsed = parsedate_tz(text[:200])
        if parsed is None:
            return None
        # Python takes a zone that is missing, or that it does not know (JST), for UTC.
        unknown = not parsed[9] and _ZONELESS.search(text[:200])
        zone = _JAPAN if unknown else timezone(timedelta(seconds=parsed[9] or 0))
        moment = datetime(*parsed[:6], tzinfo=zone).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None
    return moment if moment.year >= 1970 else None


def _threading(headers: Headers, provider_id: str, envelope: Envelope, mailbox: Mailbox) -> Threading:
    references = _references(headers)
    conversation = _by_token(headers, envelope, mailbox)
    for identifier in references:
        ours = read_message_id(identifier, mailbox.domain) if conversation is None else None
        conversation = ours.conversation if ours is not None else conversation
    own = None if provider_id.startswith(SYNTHETIC) else provider_id
    return Threading(conversation=conversation, references=references, thread=own)


def _references(headers: Headers) -> tuple[str, ...]:
    """What it answers, nearest first: In-Reply-To, then References from right to left."""
    nearest = [*headers.ids("in-reply-to"), *reversed(headers.ids("references"))]
    return tuple(dict.fromkeys(nearest))[:REFERENCES]


def _by_token(headers: Headers, envelope: Envelope, mailbox: Mailbox) -> str | None:
    """The conversation named by a genuine token in any address that the mail was sent to."""
    for address in _recipients(headers, envelope):
        token = token_in(address, mailbox.addresses, mailbox.separator)
        conversation = read_token(mailbox.key, mailbox.account, token) if token else None
        if conversation is not None:
            return conversation
    return None


def _recipients(headers: Headers, envelope: Envelope) -> list[str]:
    found = [address for text in envelope.recipients if (address := normal(text)) is not None]
    for name in _RECIPIENTS:
        found += [address.email for value in headers.raw(name) for address in addresses(value)]
    return found


def _flags(root: Part, authors: list[Address], envelope: Envelope, body: _Body) -> list[str]:
    sender = authors[0].email if authors else None
    flags = []
    if is_automatic(root.headers, sender, envelope.mail_from == "", root.media_type):
        flags.append("automatic")
    if asks_for_silence(root.headers):
        flags.append("no_auto_reply")
    if len(authors) > 1 or len(root.headers.raw("from")) > 1:
        flags.append("several_senders")
    if body.guessed or root.headers.guessed:
        flags.append("charset_guessed")
    return flags


# -- what ------------------------------------------------------------------------------------------------------------


def _collect(raw: bytes, part: Part, body: _Body) -> None:
    """Sorts a part's content into words and files, in the order of the mail."""
    if part.media_type == "multipart/alternative" and part.children:
        _collect_alternatives(raw, part, body)
    elif part.children:
        for child in part.children:
            _collect(raw, child, body)
    elif _is_words(part):
        text = _decoded(raw, part, body)
        body.blocks.append((None, text) if part.media_type == "text/html" else (text, None))
    elif not part.media_type.startswith("multipart/"):
        body.files.append((part, part.body(raw)))
    else:
        # A multipart whose boundary never comes: what is there is shown as it is.
        body.blocks.append((_decoded(raw, part, body), None))


def _collect_alternatives(raw: bytes, part: Part, body: _Body) -> None:
    """The same words twice: the plain form is shown, the HTML kept beside it."""
    inner = _Body()
    for child in part.children:
        _collect(raw, child, inner)
    plain = next((plain for plain, _ in inner.blocks if plain is not None and plain.strip()), None)
    rich = next((rich for _, rich in reversed(inner.blocks) if rich is not None), None)
    if inner.blocks:
        body.blocks.append((plain, rich))
    body.files += inner.files
    body.guessed = body.guessed or inner.guessed


def _is_words(part: Part) -> bool:
    return (
        part.media_type in ("text/plain", "text/html")
        and part.disposition != "attachment"
        and (part.name is None or part.disposition == "inline")
    )


def _decoded(raw: bytes, part: Part, body: _Body) -> str:
    text, guessed = decode(part.body(raw), part.params.get("charset"))
    body.guessed = body.guessed or guessed
    text = clean(text.replace("\r\n", "\n").replace("\r", "\n"))
    if part.media_type == "text/plain" and part.params.get("format", "").lower() == "flowed":
        return unflow(text, part.params.get("delsp", "").lower() == "yes")
    return text


def _texts(body: _Body) -> tuple[list[Content], list[str]]:
    """The text part (always one, so that a mail of files alone still says so), and flags."""
    words, quoted = _words(body)
    rich = _html(body)
    long = max(len(words), len(quoted or "")) > TEXT_CHARACTERS
    if rich is not None and len(rich) > 4 * TEXT_CHARACTERS:
        rich, long = None, True
    text = Text(words[:TEXT_CHARACTERS], html=rich, quoted=quoted[:TEXT_CHARACTERS] if quoted else None)
    return [text], ["truncated"] if long else []


def _words(body: _Body) -> tuple[str, str | None]:
    pieces: list[str] = []
    marked: list[str] = []
    for plain, rich in body.blocks:
        if plain is not None and plain.strip():
            pieces.append(tidy(plain))
        elif rich is not None:
            text, history = html_to_text(rich)
            pieces.append(text)
            marked += [history] if history else []
    words, history = cut_history("\n\n".join(piece for piece in pieces if piece))
    quoted = [piece for piece in (history, *marked) if piece]
    return words, "\n\n".join(quoted) or None


def _html(body: _Body) -> str | None:
    if all(rich is None for _, rich in body.blocks):
        return None
    return "\n".join(
        rich if rich is not None else f"<pre>{html.escape(plain or '')}</pre>" for plain, rich in body.blocks
    )


def _files(body: _Body, message: str) -> tuple[list[Content], dict[str, bytes]]:
    blobs: dict[str, bytes] = {}
    parts: list[Content] = []
    for position, (part, data) in enumerate(body.files):
        attachment = Attachment(
            id=ids.attachment_id(message, position),
            name=safe_name(part.name) or _named_by_type(part.media_type),
            media_type=part.media_type,
            size=len(data),
            inline=part.content_id is not None and part.disposition != "attachment",
            content_id=part.content_id,
        )
        blobs[attachment.id] = data
        parts.append(_content(attachment))
    return parts, blobs


def _content(attachment: Attachment) -> Content:
    match attachment.media_type.partition("/")[0]:
        case "image":
            return Image(attachment)
        case "audio":
            return Audio(attachment)
        case "video":
            return Video(attachment)
    return File(attachment)


def _named_by_type(media_type: str) -> str | None:
    if media_type == "message/rfc822":
        return "message.eml"
    return "invite.ics" if media_type == "text/calendar" else None
