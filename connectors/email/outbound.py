"""An answer to the bytes that leave. Written here rather than by ``EmailMessage``, which encodes long ids away.

Outlook and others lose the thread when In-Reply-To or References are encoded (bpo-79986), so ids are never touched;
IDN domains and odd local parts are spelt as servers take them; nothing from outside can start a header of its own.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from email.utils import format_datetime
from typing import Final
from urllib.parse import quote

import msgspec

from connectors.api import Failed, Outbound, problem
from connectors.email.address import normal, on_the_wire
from connectors.email.inbound import LOOP_HEADER, SYNTHETIC
from connectors.email.settings import EmailSettings
from connectors.email.tokens import message_id, reply_address, reply_token
from contracts.attachment import Attachment
from contracts.content import Part, Text, attachments_of
from contracts.ids import MESSAGE

KEPT_REFERENCES: Final = 20
"""The latest ids of a long chain, and its first."""
ID_OCTETS: Final = 900
_INTERNAL: Final = re.compile(rf"{MESSAGE}_[a-z0-9]+")
"""A message's id within the service, which no mail carries as it is."""
_PREFIX: Final = re.compile(
    r"^(\s*(re|aw|antw|sv|vs|fwd?|wg|tr|返信|回复|回覆|答复|转发|轉寄|転送)\s*(\[\d+\])?\s*[:：])+\s*", re.I
)
_ID: Final = re.compile(r"[\x21-\x3b=\x3f-\x7e]+")
_PLAIN: Final = re.compile(r"[\x20-\x7e]*")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_TYPE: Final = re.compile(r"(text|image|audio|video|application|font|model)/[\w.+-]{1,100}", re.A)


class Mail(msgspec.Struct, frozen=True):
    """A mail ready to leave: its envelope (sender empty for the null sender) and its bytes."""

    message_id: str
    sender: str
    recipient: str
    data: bytes


def compose(outbound: Outbound, settings: EmailSettings) -> Mail | Failed:
    """The mail that says the message; Failed when it cannot be said."""
    recipient = normal(outbound.reach.address)
    if recipient is None or recipient.endswith("@unknown.invalid"):
        return Failed(problem("recipient_gone", "there is no address to answer to"))
    unknown = sorted(set(outbound.extra or {}) - {"subject"})
    if unknown:
        return Failed(problem("unsupported", f"mail takes no provider_extra {', '.join(unknown)}"))
    missing = [each for each in attachments_of(outbound.pieces) if each.id not in outbound.blobs]
    if missing:
        return Failed(problem("unsupported", f"the attachment {missing[0].id} is not there"))
    identifier = message_id(outbound.message, outbound.conversation, settings.id_domain)
    lines = [*_headers(outbound, settings, recipient, identifier), *_body(outbound)]
    silent = outbound.automatic and settings.null_sender
    sender = "" if silent else on_the_wire(settings.own)
    return Mail(identifier, sender, on_the_wire(recipient), b"\r\n".join(lines) + b"\r\n")


# -- headers --------------------------------------------------------------------------------------------------------


def _headers(outbound: Outbound, settings: EmailSettings, recipient: str, identifier: str) -> Iterator[bytes]:
    references = chain(outbound)
    yield b"From: " + _mailbox(settings.own, outbound.author_name or settings.name)
    yield b"To: " + on_the_wire(recipient).encode()
    token = reply_token(settings.key, outbound.account, outbound.conversation)
    reply_to = reply_address(settings.own, settings.separator, token)
    if reply_to is not None:
        yield b"Reply-To: " + _mailbox(reply_to, settings.name)
    yield b"Subject: " + words(subject(outbound, settings, bool(references)))
    yield b"Date: " + format_datetime(outbound.now).encode()
    yield b"Message-ID: <" + identifier.encode() + b">"
    if references:
        yield b"In-Reply-To: <" + references[-1].encode() + b">"
        yield b"References: " + b"\r\n ".join(b"<" + each.encode() + b">" for each in references)
    yield f"{LOOP_HEADER}: {settings.loop(outbound.account)}".encode()
    if outbound.automatic:
        yield b"Auto-Submitted: auto-replied"
        yield b"X-Auto-Response-Suppress: All"
    yield b"MIME-Version: 1.0"


def chain(outbound: Outbound) -> list[str]:
    """What it answers, the oldest first and the direct parent last; ids that no mail ever had are left out."""
    parent = outbound.reply_to or outbound.reach.thread
    found = [*(outbound.references or outbound.reach.references), *([parent] if parent else [])]
    # The parent stands last even when it was also named further up.
    ids = list(dict.fromkeys(each for each in reversed(found) if _is_id(each)))[::-1]
    return ids if len(ids) <= KEPT_REFERENCES + 1 else [ids[0], *ids[-KEPT_REFERENCES:]]


def _is_id(text: str) -> bool:
    return (
        len(text) <= ID_OCTETS
        and _ID.fullmatch(text) is not None
        and not (text.startswith(SYNTHETIC) or _INTERNAL.fullmatch(text))
    )


def subject(outbound: Outbound, settings: EmailSettings, answers: bool) -> str:
    """The conversation's subject, with one ``Re:`` when it is an answer."""
    given = (outbound.extra or {}).get("subject")
    text = one_line(given if isinstance(given, str) else outbound.subject or settings.subject)
    return f"Re: {_PREFIX.sub('', text)}" if answers else text


def one_line(text: str) -> str:
    """Without anything that could end a header: a decoded subject may well have line breaks and NULs in it."""
    return " ".join(_CONTROLS.sub(" ", text).split())[:500]


def words(text: str) -> bytes:
    """Header text in ASCII: as it is, or as encoded words that fit their lines."""
    if _PLAIN.fullmatch(text) and "=?" not in text and len(text) <= 200:
        return text.encode("ascii")
    return b"\r\n ".join(b"=?utf-8?B?" + b64encode(piece) + b"?=" for piece in _pieces(text, 45))


def _pieces(text: str, octets: int) -> Iterator[bytes]:
    piece = b""
    for letter in text:
        more = letter.encode("utf-8", "replace")
        if len(piece) + len(more) > octets:
            yield piece
            piece = b""
        piece += more
    yield piece


def _mailbox(address: str, name: str | None) -> bytes:
    wire = on_the_wire(address).encode()
    text = one_line(name or "")[:100]
    if not text:
        return wire
    if _PLAIN.fullmatch(text) and "=?" not in text:
        escaped = re.sub(r'(["\\])', r"\\\1", text)
        return f'"{escaped}" <'.encode() + wire + b">"
    return words(text) + b"\r\n <" + wire + b">"


# -- body -----------------------------------------------------------------------------------------------------------


def _body(outbound: Outbound) -> list[bytes]:
    """Headers of the content, an empty line, and the content."""
    content = _text_entity(outbound.pieces, outbound.key)
    files = [_file_entity(each, outbound.blobs[each.id]) for each in attachments_of(outbound.pieces)]
    return _multipart("mixed", [content, *files], outbound.key) if files else content


def _text_entity(pieces: tuple[Part, ...], key: str) -> list[bytes]:
    texts = [piece for piece in pieces if isinstance(piece, Text)]
    captions = [caption for piece in pieces if (caption := getattr(piece, "caption", None))]
    plain = _leaf("text/plain; charset=utf-8", "\n\n".join([*(piece.text for piece in texts), *captions]))
    rich = [piece.html for piece in texts if piece.html]
    if not rich:
        return plain
    return _multipart("alternative", [plain, _leaf("text/html; charset=utf-8", "\n".join(rich))], key)


def _leaf(media_type: str, text: str) -> list[bytes]:
    # Base 64 wants the line breaks as they are on the wire.
    data = re.sub(r"\r\n|\r|\n", "\r\n", text + "\n").encode("utf-8", "replace")
    return [f"Content-Type: {media_type}".encode(), b"Content-Transfer-Encoding: base64", b"", *_base64(data)]


def _file_entity(attachment: Attachment, data: bytes) -> list[bytes]:
    media_type = attachment.media_type if _TYPE.fullmatch(attachment.media_type) else "application/octet-stream"
    name = one_line(attachment.name or "attachment")[:200]
    shown = attachment.inline and attachment.content_id is not None
    lines = [
        f"Content-Type: {media_type}".encode(),
        b"Content-Transfer-Encoding: base64",
        f"Content-Disposition: {'inline' if shown else 'attachment'};".encode(),
        # The better form first: of two, some readers keep the first.
        f" filename*=UTF-8''{quote(name, safe='')};".encode(),
        f' filename="{_ascii(name)}"'.encode(),
    ]
    if shown and _is_id(attachment.content_id or ""):
        lines.append(f"Content-ID: <{attachment.content_id}>".encode())
    return [*lines, b"", *_base64(data)]


def _ascii(name: str) -> str:
    return re.sub(r'[^\x20-\x7e]|["\\]', "_", name)


def _multipart(kind: str, entities: Iterable[list[bytes]], key: str) -> list[bytes]:
    boundary = f"=_{kind}_{hashlib.sha256(key.encode()).hexdigest()[:24]}".encode()
    lines = [b"Content-Type: multipart/" + kind.encode() + b'; boundary="' + boundary + b'"', b""]
    for entity in entities:
        lines += [b"--" + boundary, *entity]
    return [*lines, b"--" + boundary + b"--"]


def _base64(data: bytes) -> list[bytes]:
    encoded = b64encode(data)
    return [encoded[at : at + 76] for at in range(0, len(encoded), 76)]
