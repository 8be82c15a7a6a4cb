"""Our messages into calls of the X API v2, and what it answers into outcomes. Pure; signed by ``authorise``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from connectors.api import (
    Failed,
    Outbound,
    Outcome,
    ProviderRequest,
    ProviderResponse,
    Sent,
    Then,
    Uncertain,
    problem,
)
from connectors.api.outcome import ProblemKind
from connectors.kit.degrade import as_text
from connectors.kit.http import LONGEST_WAIT_S, retry_after
from connectors.kit.http import interpret as by_status
from connectors.kit.json import BadJson, read
from connectors.x import payload as x
from connectors.x.inbound import PUBLIC
from connectors.x.settings import XSettings
from connectors.x.weight import MOST, weight
from contracts.content import Image, Part, Text

TEXT_LIMIT: Final = 10_000
IMAGE_TYPES: Final = ("image/jpeg", "image/png", "image/webp")
IMAGE_BYTES: Final = 5 * 1_048_576
SEGMENT: Final = 4 * 1_048_576
ENOUGH: Final = 300
"""Characters of X's own words that are passed on."""
LATE_S: Final = 900.0
"""How long to wait when X does not say: its limits are of a quarter of an hour."""

CODES: Final[dict[int, ProblemKind]] = {
    32: "config",
    89: "config",
    108: "recipient_gone",
    150: "opted_out",
    187: "rejected",
    349: "opted_out",
}
"""Codes of old, which some answers still have: not signed, token over, no such user, does not follow, said twice,
cannot be written to."""
TYPES: Final[dict[str, ProblemKind]] = {
    "client-forbidden": "config",
    "client-not-enrolled": "config",
    "oauth1-permissions": "config",
    "unsupported-authentication": "config",
    "usage-capped": "config",
    "resource-not-found": "recipient_gone",
}
"""The last piece of a problem's ``type``."""
STATUSES: Final[dict[int, ProblemKind]] = {
    400: "rejected",
    401: "config",
    402: "config",
    403: "opted_out",
    404: "recipient_gone",
    410: "recipient_gone",
    413: "too_large",
    503: "unreachable",
}

_answer: Final = msgspec.json.Decoder(x.Answer)
_processing: Final = msgspec.json.Decoder(x.Processing)


class Extra(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What ``provider_extra`` may hold: where the answer to a public post goes."""

    to: Literal["public", "private"] | None = None


class Upload(msgspec.Struct, frozen=True):
    """A picture on its way: to whom, with which words, and how far it has come."""

    to: str
    text: str
    data: bytes
    media_type: str
    media: str = ""
    sent: int = 0


class Says(msgspec.Struct, frozen=True):
    """A call that says something; ``public``: as a post; ``note``: only that the answer was given privately."""

    public: bool = False
    note: bool = False


def render(settings: XSettings, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
    """In public when a post is answered and everything fits there; else privately, with a note in public before it."""
    try:
        extra = msgspec.convert(dict(outbound.extra or {}), Extra)
    except msgspec.ValidationError as error:
        return Failed(problem("unsupported", f"provider_extra: {error}"))
    thread = outbound.reach.thread or ""
    post = thread.removeprefix(PUBLIC) if thread.startswith(PUBLIC) else None
    fits = all(isinstance(piece, Text) and weight(piece.text) <= MOST for piece in outbound.pieces)
    if extra.to == "public" and post is None:
        return Failed(problem("unsupported", "there is no public post to be answered"))
    if extra.to == "public" and not fits:
        return Failed(problem("too_large", f"a public answer is a text of at most {MOST} characters, as X counts"))
    rest = outbound.pieces[outbound.done :]
    if post is not None and fits and extra.to != "private":
        return [_post(settings, post, piece.text) for piece in rest if isinstance(piece, Text)]
    noted = [_note(settings, post)] if post is not None and outbound.done == 0 and settings.note and rest else []
    return [*(_piece(settings, outbound, piece) for piece in rest), *noted]


def interpret(settings: XSettings, request: ProviderRequest, response: ProviderResponse) -> Outcome | Then:
    """What X's answer means; see the table in this package's README."""
    memo = request.memo
    if isinstance(memo, Says) and memo.note:
        return Sent()  # the answer itself has arrived, whatever became of the note
    if response.failure is not None:
        if isinstance(memo, Upload) and response.failure != "unreachable":  # nothing was said yet
            return Failed(problem("unreachable", response.failure))
        return by_status(request, response)
    answer: x.Answer | BadJson = read(response.body, _answer)
    answer = x.Answer() if isinstance(answer, BadJson) else answer
    if not 200 <= response.status < 300:
        return _refused(request, response, answer)
    if isinstance(memo, Upload):
        return _onward(settings, memo, answer)
    created = answer.data
    if created is None:
        return Sent()
    if isinstance(memo, Says) and memo.public:
        return Sent((f"{PUBLIC}{created.id}",)) if created.id else Sent()
    return Sent((created.dm_event_id,)) if created.dm_event_id else Sent()


def call(settings: XSettings, path: str, body: Any, memo: Any = None, **more: Any) -> ProviderRequest:
    """A call with a JSON body."""
    headers = {"content-type": "application/json"}
    return ProviderRequest("POST", settings.api_base + path, headers, body=msgspec.json.encode(body), memo=memo, **more)


# -- calls ------------------------------------------------------------------------------------------------------------


def _post(settings: XSettings, answered: str, text: str) -> ProviderRequest:
    body = {"text": text, "reply": {"in_reply_to_tweet_id": answered}}
    return call(settings, "/2/tweets", body, Says(public=True))


def _note(settings: XSettings, answered: str) -> ProviderRequest:
    """Tells in public that the answer was given privately. After it, so that it is true."""
    return replace(_post(settings, answered, settings.note), covers=0, memo=Says(note=True))


def _piece(settings: XSettings, outbound: Outbound, piece: Part) -> ProviderRequest:
    to = outbound.reach.address
    if isinstance(piece, Image):
        data, link = outbound.blobs.get(piece.attachment.id), outbound.media[piece.attachment.id]
        if data is not None and len(data) <= IMAGE_BYTES and link.media_type in IMAGE_TYPES:
            return _begin(settings, Upload(to, piece.caption or "", data, link.media_type))
    words = piece.text if isinstance(piece, Text) else as_text(piece, outbound.media)
    return _say(settings, to, {"text": words})


def _say(settings: XSettings, to: str, message: dict[str, Any]) -> ProviderRequest:
    return call(settings, f"/2/dm_conversations/with/{quote(to, safe='')}/messages", message, Says())


# -- uploads: begin, bring the bytes piece by piece, finish, say ------------------------------------------------------


def _begin(settings: XSettings, upload: Upload) -> ProviderRequest:
    body = {"media_type": upload.media_type, "total_bytes": len(upload.data), "media_category": "dm_image"}
    return call(settings, "/2/media/upload/initialize", body, upload)


def _onward(settings: XSettings, upload: Upload, answer: x.Answer) -> Outcome | Then:
    if not upload.media:
        media = (answer.data.id if answer.data is not None else None) or ""
        if not media.isascii() or not media.isdigit() or len(media) > 20:
            return Failed(problem("bad_answer", "the upload has no id"))
        return Then(_append(settings, replace(upload, media=media)))
    if upload.sent < len(upload.data):
        further = replace(upload, sent=upload.sent + SEGMENT)
        return Then(_append(settings, further) if further.sent < len(upload.data) else _finish(settings, further))
    busy = x.inner(answer.data.processing_info, _processing) if answer.data is not None else None
    if busy is not None and busy.state == "failed":
        return Failed(problem("rejected", "X cannot use the picture"))
    if busy is not None and busy.state != "succeeded":
        return Failed(problem("unreachable", "X is still at work on the picture"), max(busy.check_after_secs, 1.0))
    message = {"attachments": [{"media_id": upload.media}], **({"text": upload.text} if upload.text else {})}
    return Then(_say(settings, upload.to, message))


def _append(settings: XSettings, upload: Upload) -> ProviderRequest:
    boundary = f"madoguchi-{upload.media}"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="segment_index"\r\n\r\n{upload.sent // SEGMENT}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="media"; filename="media"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    segment = upload.data[upload.sent : upload.sent + SEGMENT]
    body = head.encode() + segment + f"\r\n--{boundary}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    url = f"{settings.api_base}/2/media/upload/{upload.media}/append"
    return ProviderRequest("POST", url, headers, body=body, memo=upload, timeout_s=60.0)


def _finish(settings: XSettings, upload: Upload) -> ProviderRequest:
    return ProviderRequest("POST", f"{settings.api_base}/2/media/upload/{upload.media}/finalize", memo=upload)


# -- answers ----------------------------------------------------------------------------------------------------------


def _refused(request: ProviderRequest, response: ProviderResponse, answer: x.Answer) -> Outcome:
    status = response.status
    first = (answer.errors or [x.Problem()])[0]
    said = (answer.detail or first.message or answer.title)[:ENOUGH] or None
    kind_of = answer.type.rpartition("/")[2]
    code = str(first.code) if first.code is not None else kind_of[:64] or str(status)
    if status == 429 and kind_of != "usage-capped":
        return Failed(problem("throttled", said, code), _reset(response))
    kind = CODES.get(first.code or 0) or TYPES.get(kind_of) or STATUSES.get(status)
    if status == 403 and said is not None and "duplicate content" in said.lower():
        kind = "rejected"
    if kind is not None:
        return Failed(problem(kind, said, code), retry_after(response) if kind == "unreachable" else None)
    if status >= 500:
        if isinstance(request.memo, Upload):
            return Failed(problem("unreachable", said, code))
        return Uncertain(f"X answered {status}")
    return Failed(problem("rejected", said, code))


def _reset(response: ProviderResponse) -> float | None:
    """Seconds until ``x-rate-limit-reset``, counted from the answer's own date; ``Retry-After`` counts before it."""
    wait = retry_after(response)
    reset = response.headers.get("x-rate-limit-reset", "")
    if wait is not None or not (reset.isascii() and reset.isdigit() and len(reset) < 13):
        return wait
    date = _date(response.headers.get("date", ""))
    return LATE_S if date is None else min(max(int(reset) - date.timestamp(), 1.0), LONGEST_WAIT_S)


def _date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
