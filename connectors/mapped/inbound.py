"""Their payload into our events, by the paths that the settings name. Pure and total."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from connectors.api import Batch, Ignored, Malformed, Parsed, Request, Response
from connectors.kit.json import BadJson, untyped
from connectors.mapped.paths import Misfit, Path, path
from connectors.mapped.settings import Receive
from contracts.attachment import Attachment
from contracts.codec import moment
from contracts.content import Audio, File, Image, Location, Part, Postback, Text, Video
from contracts.identity import Claims, Profile
from contracts.ids import attachment_id, message_id
from contracts.inbound import (
    Inbound,
    InboundEdit,
    InboundMessage,
    InboundReaction,
    InboundReceipt,
    InboundTyping,
    InboundUnsend,
    Sender,
    Threading,
)

MOST_ITEMS: Final = 1_000
MOST_FILES: Final = 50
MOST_ID: Final = 512
_MOST_FIELDS: Final = 1_000
_LATEST_MS: Final = 32_503_680_000_000
_URL: Final = re.compile(r"https?://[^\x00-\x20]{1,4000}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_NO_THREADING: Final = InboundMessage("", Sender(""), ()).threading
_KINDS: Final[dict[str, type[Image | Audio | Video]]] = {"image": Image, "audio": Audio, "video": Video}


class Reader:
    """One account's paths, prepared."""

    def __init__(self, receive: Receive, account: str) -> None:
        self._receive = receive
        self._account = account
        self._paths = {name: path(f"receive.{name}", text) for name, text in receive.paths()}
        file = receive.file
        given = {"url": file.url, "name": file.name, "type": file.type, "size": file.size}
        self._file = {name: path(f"receive.file.{name}", text) for name, text in given.items() if text is not None}
        self._response = Response(200, receive.answer.encode(), receive.answer_type) if receive.answer else Response()

    def parse(self, request: Request) -> Parsed:
        """What a verified request says."""
        data = _form(request.body) if self._receive.format == "form" else untyped(request.body)
        if isinstance(data, BadJson):
            return Malformed(data.reason)
        try:
            items = self._paths["each"].list(data) if "each" in self._paths else [data]
        except Misfit as error:
            return Malformed(str(error))
        if len(items) > MOST_ITEMS:
            return Malformed(f"more than {MOST_ITEMS} items")
        return self._batch(request, items)

    def _batch(self, request: Request, items: list[Any]) -> Parsed:
        made: list[tuple[Inbound, bytes]] = []
        passed, broken = [], []
        for item in items:
            try:
                event = _Item(self._receive, self._paths, self._file, self._account, item, request).event()
            except Misfit as error:
                broken.append(str(error))
                continue
            if isinstance(event, str):
                passed.append(event)
            else:
                made.append((event, request.body if len(items) == 1 else msgspec.json.encode(item)))
        if made:
            events, raws = zip(*made, strict=True)
            return Batch(events, raws, ignored=(*passed, *broken), response=self._response)
        if broken:
            return Malformed(broken[0])
        return Ignored(passed[0] if passed else "nothing happened in it", self._response)


class _Item:
    """One thing that happened."""

    def __init__(
        self,
        receive: Receive,
        paths: Mapping[str, Path],
        file: Mapping[str, Path],
        account: str,
        data: Any,
        request: Request,
    ) -> None:
        self._receive = receive
        self._paths = paths
        self._file_paths = file
        self._account = account
        self._data = data
        self._request = request

    def event(self) -> Inbound | str:
        """The event, or why there is none. Raises Misfit."""
        if not isinstance(self._data, dict):
            raise Misfit("expected an object")
        if "when" in self._paths and not self._paths["when"].holds(self._data):
            return "receive.when is not true of it"
        if "ours" in self._paths and self._paths["ours"].holds(self._data):
            return "our own words"
        kind = self._kind()
        return MAKERS[kind](self) if kind in MAKERS else f"their kind {kind[:64]!r} is ignored"

    def _kind(self) -> str:
        if "kind" not in self._paths:
            return "message"
        theirs = self.text("kind") or ""
        ours = self._receive.kinds.get(theirs, "")
        return ours if ours in MAKERS else theirs

    # -- what is where ------------------------------------------------------------------------------------------------

    def text(self, name: str) -> str | None:
        return self._paths[name].text(self._data) if name in self._paths else None

    def number(self, name: str) -> float | None:
        return self._paths[name].number(self._data) if name in self._paths else None

    def identifier(self, name: str) -> str | None:
        found = self.text(name)
        return None if found is None else _identifier(f"receive.{name}", found)

    def needed(self, name: str) -> str:
        found = self.identifier(name)
        if found is None:
            raise Misfit(f"receive.{name}: there is nothing")
        return found

    def provider_id(self) -> str:
        name = self._receive.id_header
        if name is None:
            return self.needed("id")
        given = self._request.headers.get(name.lower(), "")
        if not given:
            raise Misfit(f"the header {name} is missing")
        return _identifier(name, given)

    def sender(self) -> Sender:
        address, author = self.needed("sender"), self.identifier("author")
        name = self.text("name")
        email = self.text("email")
        claims = Claims(email.strip().lower() if email else None, phone=self.text("phone"))
        if author is not None and author != address:
            return Sender(address, author, name, self._receive.verified, claims)
        return Sender(address, None, None, self._receive.verified, claims, Profile(name, self.text("language")))

    def time(self) -> datetime | None:
        if self._receive.time_in != "iso":
            number = self.number("time")
            return None if number is None else _since_1970(number, self._receive.time_in)
        found = self.text("time")
        if found is None:
            return None
        try:
            at = datetime.fromisoformat(found.strip())
            at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
            return _sensible(at.astimezone(UTC))
        except (ValueError, OverflowError):
            raise Misfit("receive.time: no time of ISO 8601") from None

    def threading(self) -> Threading:
        thread, answered = self.identifier("thread"), self.identifier("reply_to")
        if thread is None and answered is None:
            return _NO_THREADING
        return Threading(None, (answered,) if answered else (), thread, answered)

    def parts(self, provider_id: str) -> tuple[Part, ...]:
        parts: list[Part] = []
        text, html = self.text("text"), self.text("html")
        if text or html:
            parts.append(Text(text or "", html))
        picked = self.text("picked")
        if picked is not None:
            parts.append(Postback(picked, self.text("picked_label")))
        parts += self._place()
        parts += self._files(message_id(self._account, provider_id))
        if not parts:
            raise Misfit("the message has neither text, files, a place nor a picked option")
        return tuple(parts)

    def _place(self) -> list[Part]:
        latitude, longitude = self.number("latitude"), self.number("longitude")
        if latitude is None or longitude is None:
            return []
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            raise Misfit("receive.latitude: no such place")
        return [Location(latitude, longitude)]

    def _files(self, message: str) -> list[Part]:
        items = self._paths["files"].list(self._data) if "files" in self._paths else []
        if len(items) > MOST_FILES:
            raise Misfit(f"receive.files: more than {MOST_FILES}")
        return [self._file(item, attachment_id(message, number)) for number, item in enumerate(items)]

    def _file(self, item: Any, identifier: str) -> Part:
        found = {name: each.text(item) for name, each in self._file_paths.items()} if isinstance(item, dict) else {}
        url = item if isinstance(item, str) else found.get("url")
        if url is None or not _URL.fullmatch(url):
            raise Misfit("receive.file.url: no URL with https:// or http://")
        media_type = (found.get("type") or "application/octet-stream").partition(";")[0].strip().lower()
        size = found.get("size")
        length = int(size) if size is not None and size.isascii() and size.isdigit() and len(size) < 16 else None
        attachment = Attachment(identifier, found.get("name"), media_type, length, source=url)
        return _KINDS.get(media_type.partition("/")[0], File)(attachment)


# -- events -----------------------------------------------------------------------------------------------------------


def _message(item: _Item) -> Inbound:
    provider_id = item.provider_id()
    return InboundMessage(
        provider_id,
        item.sender(),
        item.parts(provider_id),
        item.time(),
        item.text("subject"),
        item.text("language"),
        threading=item.threading(),
    )


def _edit(item: _Item) -> Inbound:
    provider_id = item.provider_id()
    return InboundEdit(provider_id, item.sender(), item.parts(provider_id), item.time() or item._request.received_at)


def _unsend(item: _Item) -> Inbound:
    return InboundUnsend(item.provider_id(), item.sender(), item.time())


def _reaction(item: _Item) -> Inbound:
    emoji = item.text("emoji")
    return InboundReaction(item.provider_id(), item.sender(), (emoji or "")[:64], emoji is None, item.time())


def _receipt(state: str) -> Callable[[_Item], Inbound]:
    def made(item: _Item) -> Inbound:
        code, reason = (item.text("code"), item.text("reason")) if state == "failed" else (None, None)
        return InboundReceipt(item.sender(), state, item.provider_id(), code=code, reason=reason, sent_at=item.time())

    return made


def _typing(item: _Item) -> Inbound:
    return InboundTyping(item.sender())


MAKERS: Final[dict[str, Callable[[_Item], Inbound]]] = {
    "message": _message,
    "edit": _edit,
    "unsend": _unsend,
    "reaction": _reaction,
    **{state: _receipt(state) for state in ("sent", "delivered", "read", "failed")},
    "typing": _typing,
}


# -- values -----------------------------------------------------------------------------------------------------------


def _form(body: bytes) -> dict[str, Any] | BadJson:
    """A form as an object; a repeated field as a list."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        return BadJson(f"no form: {type(error).__name__}")
    fields: dict[str, Any] = {}
    for name, value in pairs:
        earlier = fields.get(name)
        fields[name] = value if earlier is None else [*(earlier if isinstance(earlier, list) else [earlier]), value]
    return fields


def _identifier(place: str, text: str) -> str:
    if len(text) > MOST_ID or _CONTROL.search(text):
        raise Misfit(f"{place}: an id has at most {MOST_ID} characters, and no control characters")
    return text


def _since_1970(number: float, unit: str) -> datetime:
    milliseconds = number if unit == "ms" else number * 1_000
    if not 0 <= milliseconds < _LATEST_MS:  # also false for what is no number
        raise Misfit("receive.time: not between 1970 and 2999")
    return moment(round(milliseconds))


def _sensible(at: datetime) -> datetime:
    if not 1970 <= at.year < 3000:
        raise Misfit("receive.time: not between 1970 and 2999")
    return at.replace(microsecond=at.microsecond // 1_000 * 1_000)
