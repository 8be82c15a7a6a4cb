"""Slack's platform, imitated: signed events repeated as Slack does it, buttons, and the Web API, strictly."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from connectors.api import ProviderResponse, Request
from connectors.slack.settings import SlackSettings
from connectors.slack.signature import signature
from connectors.slack.simulate import APP, BOT, TEAM, envelope, place
from connectors.testing.provider import Call, Media, ProviderSimulator, Webhook, json_answer, posted
from contracts.codec import milliseconds
from contracts.content import Audio, File, Image, Part, Postback, Text, Video

SENDS: Final = ("chat.postMessage", "files.completeUploadExternal", "reactions.add", "reactions.remove")
HARD_LIMIT: Final = 40_000
_LENGTHS: Final = {"section": 3_000, "button": 75}


class SlackSimulator(ProviderSimulator[SlackSettings]):
    """One app in one workspace."""

    customer = "U00CUSTOMER"
    # Almost at once, after a minute, after five.
    retries_s = (0.0, 60.0, 300.0)
    patience_s = 3.0

    def __init__(self, settings: SlackSettings, to: str, speed: float = 1.0) -> None:
        super().__init__(settings, to, speed)
        self.uploads: dict[str, dict[str, Any]] = {}
        """By file id: name, length and, when they came, data."""
        self.errors: list[str] = []
        """What the next sends are answered instead of being done: Slack's ``error``, with 200."""
        self._events = 0

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {
            "signing_secret": "8f742231b10e8888abcd99yyyzzz85a5",
            "bot_token": "xoxb-sample-token",
            "api_base": url,
        }

    # -- events -------------------------------------------------------------------------------------------------------

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        if isinstance(part, Postback):
            return self._pressed(customer, part, number)
        content = self._content(part, number)
        if content is None:
            return None
        ts = self.ts(number)
        return self.event({"type": "message", **place(customer), "ts": ts, "event_ts": ts, **content})

    def ts(self, number: int) -> str:
        """A message's id: the time, and a number that tells apart what came in one second."""
        return f"{milliseconds(self.now) // 1_000}.{number % 1_000_000:06d}"

    def event(self, event: dict[str, Any]) -> bytes:
        """The body that tells of an event; each has an id of its own."""
        self._events += 1
        seconds = milliseconds(self.now) // 1_000
        return msgspec.json.encode(envelope(event, f"Ev{self._events:08d}", seconds, self.settings.team_id))

    def stored(self, number: int, name: str, media_type: str) -> dict[str, Any]:
        """A file of a customer, at Slack's."""
        id = f"F{number:08d}"
        self.media.setdefault(id, Media(b"\xff\xd8\xff", media_type))
        url = f"{self.settings.api_base}/files-pri/{id}"
        return {"id": id, "name": name, "mimetype": media_type, "size": 3, "mode": "hosted", "url_private": url}

    def _content(self, part: Part, number: int) -> dict[str, Any] | None:
        match part:
            case Text():
                escaped = part.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
                return {"text": escaped, "client_msg_id": f"client-{number}"}
            case Image():
                file = self.stored(number, "picture.jpg", "image/jpeg")
            case Audio():
                file = {**self.stored(number, "sound.m4a", "audio/mp4"), "duration_ms": 2_000}
            case Video():
                file = self.stored(number, "film.mp4", "video/mp4")
            case File():
                file = self.stored(number, part.attachment.name or "file.bin", "application/octet-stream")
            case _:
                return None
        return {"subtype": "file_share", "text": "", "files": [file], "upload": False}

    def _pressed(self, customer: str, part: Postback, number: int) -> bytes:
        """A button of ours was pressed: a form."""
        channel, user = place(customer)["channel"], place(customer)["user"]
        label = {"type": "plain_text", "text": part.label or part.value}
        action = {"type": "button", "action_id": "choice_0", "block_id": "b", "value": part.value, "text": label}
        payload = {
            "type": "block_actions",
            "user": {"id": user, "name": "customer"},
            "team": {"id": self.settings.team_id or TEAM},
            "channel": {"id": channel},
            "container": {"type": "message", "message_ts": self.ts(1), "channel_id": channel},
            "actions": [{**action, "action_ts": self.ts(number)}],
            "trigger_id": f"trigger-{number}",
        }
        return urlencode({"payload": msgspec.json.encode(payload).decode()}).encode()

    def signed(self, webhook: Webhook) -> Request:
        seconds = str(milliseconds(self.now) // 1_000)
        form = not webhook.body.startswith(b"{")
        headers = {
            "content-type": "application/x-www-form-urlencoded" if form else "application/json",
            "x-slack-request-timestamp": seconds,
            "x-slack-signature": signature(self.settings.signing_secret.key(), seconds, webhook.body),
        }
        if webhook.attempt > 1:
            headers["x-slack-retry-num"] = str(webhook.attempt - 1)
            headers["x-slack-retry-reason"] = "http_error"
        return posted(self.to, webhook.path, headers, webhook.body, self.now)

    # -- the Web API --------------------------------------------------------------------------------------------------

    def is_send(self, call: Call) -> bool:
        return call.segments[-1] in SENDS

    def throttled(self, retry_after_s: float | None) -> ProviderResponse:
        headers = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
        return json_answer(429, {"ok": False, "error": "ratelimited"}, **headers)

    def answer(self, call: Call) -> ProviderResponse:
        if call.segments[0] == "upload":  # the place that was named; nobody asks who brings the bytes
            return self._bring(call)
        allowed = call.headers.get("authorization") == f"Bearer {self.settings.bot_token.reveal()}"
        if call.segments[0] == "files-pri":
            return self._file(call.segments[1], allowed)
        if not allowed:
            return self._no("invalid_auth")
        if self.errors and self.is_send(call):
            return _error(self.errors.pop(0))
        method, fields = call.segments[-1], call.json() or {**call.query, **call.form()}
        known = {
            "chat.postMessage": self._post,
            "conversations.open": self._open,
            "files.getUploadURLExternal": self._room,
            "files.completeUploadExternal": self._share,
            "reactions.add": self._react,
            "reactions.remove": self._react,
            "users.info": self._user,
            "conversations.info": self._about,
            "files.info": self._card,
        }.get(method)
        if known is not None:
            return known(fields)
        return _ok(user_id=BOT, team_id=TEAM, app_id=APP) if method == "auth.test" else self._no("unknown_method")

    def _post(self, fields: dict[str, Any]) -> ProviderResponse:
        wrong = _wrong(fields)
        if wrong is not None:
            return self._no(wrong)
        channel = _channel(fields["channel"])
        ts = self.ts(500_000 + len(self.reached))
        self.reach(_person(channel), _shown(fields["text"]), fields, ts)
        return _ok(channel=channel, ts=ts, message={"type": "message", "user": BOT, "text": fields["text"], "ts": ts})

    def _open(self, fields: dict[str, Any]) -> ProviderResponse:
        return _ok(channel={"id": _channel(str(fields.get("users")))})

    def _room(self, fields: dict[str, Any]) -> ProviderResponse:
        if not fields.get("filename") or not str(fields.get("length", "")).isdecimal():
            return self._no("invalid_arguments")
        id = f"F9{len(self.uploads):06d}"
        self.uploads[id] = {"name": fields["filename"], "length": int(fields["length"]), "data": None}
        return _ok(upload_url=f"{self.settings.api_base}/upload/{id}", file_id=id)

    def _bring(self, call: Call) -> ProviderResponse:
        found = self.uploads.get(call.segments[-1])
        if found is None or len(call.body) != found["length"]:
            return self.refuse(400, {"ok": False}, "Slack: an upload of another length, or to nowhere")
        found["data"] = call.body
        return ProviderResponse(200, {"content-type": "text/plain"}, b"OK - %d" % len(call.body))

    def _share(self, fields: dict[str, Any]) -> ProviderResponse:
        channel = str(fields.get("channel_id"))
        ids = [each["id"] for each in fields.get("files", [])]
        if channel[:1] not in ("C", "D", "G") or not ids:
            return self._no("invalid_channel")
        if any(self.uploads.get(id, {}).get("data") is None for id in ids):
            return self._no("file_not_found")
        content = {**fields, "data": [self.uploads[id]["data"] for id in ids]}
        self.reach(_person(channel), _shown(fields.get("initial_comment", "")), content)
        return _ok(files=[{"id": id} for id in ids])

    def _react(self, fields: dict[str, Any]) -> ProviderResponse:
        if not {"channel", "timestamp", "name"} <= set(fields):
            return self._no("invalid_arguments")
        self.reach(_person(fields["channel"]), "", fields)
        return _ok()

    def _user(self, fields: dict[str, Any]) -> ProviderResponse:
        known = self.profiles.get(str(fields.get("user")))
        return _error("user_not_found") if known is None else _ok(user=known)

    def _about(self, fields: dict[str, Any]) -> ProviderResponse:
        known = self.profiles.get(str(fields.get("channel")))
        return _error("channel_not_found") if known is None else _ok(channel=known)

    def _card(self, fields: dict[str, Any]) -> ProviderResponse:
        id = str(fields.get("file"))
        url = f"{self.settings.api_base}/files-pri/{id}"
        return _ok(file={"id": id, "url_private": url}) if id in self.media else _error("file_not_found")

    def _file(self, id: str, allowed: bool) -> ProviderResponse:
        found = self.file(id)
        if not allowed or found is None:
            return ProviderResponse(200, {"content-type": "text/html; charset=utf-8"}, b"<html>Sign in</html>")
        return ProviderResponse(200, {"content-type": found.media_type}, found.data)

    def _no(self, error: str) -> ProviderResponse:
        return self.refuse(200, {"ok": False, "error": error}, f"Slack: {error}")


def _wrong(fields: dict[str, Any]) -> str | None:
    """Slack's error for a message; None: it may be posted."""
    if not fields.get("channel"):
        return "channel_not_found"
    text, blocks = fields.get("text", ""), fields.get("blocks", [])
    if not text.strip() and not blocks:
        return "no_text"
    if len(text) > HARD_LIMIT:
        return "msg_too_long"
    if "<" in text or ">" in text:
        return "invalid_arguments"  # Slack would take it for a reference; we never mean one
    return "invalid_blocks" if len(blocks) > 50 or any(map(_wrong_block, blocks)) else None


def _wrong_block(block: dict[str, Any]) -> bool:
    if block["type"] == "section":
        return not 1 <= len(block["text"]["text"]) <= _LENGTHS["section"]
    elements = block.get("elements", [])
    ids = {each["action_id"] for each in elements}
    wrong = any(not 1 <= len(each["text"]["text"]) <= _LENGTHS["button"] for each in elements)
    return wrong or not 1 <= len(elements) <= 25 or len(ids) != len(elements)


def _channel(target: str) -> str:
    """A person's direct message is a channel too."""
    return "D" + target[1:] if target[:1] in ("U", "W") else target


def _person(channel: str) -> str:
    return "U" + channel[1:] if channel.startswith("D") else channel


def _shown(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _ok(**fields: Any) -> ProviderResponse:
    return json_answer(200, {"ok": True, **fields})


def _error(error: str) -> ProviderResponse:
    return json_answer(200, {"ok": False, "error": error})
