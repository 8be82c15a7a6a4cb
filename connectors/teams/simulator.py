"""Teams, imitated: activities with tokens of a key of its own, the log-in, and the Bot Connector service, strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import jwt
import msgspec
from jwt.algorithms import RSAAlgorithm

from connectors.api import ProviderResponse, Request
from connectors.teams.settings import TeamsSettings
from connectors.testing.provider import Call, Media, ProviderSimulator, Webhook, json_answer, posted
from contracts.codec import iso, milliseconds
from contracts.content import Audio, File, Image, Part, Postback, Text, Video

KID: Final = "simulated-key-1"
MOST_UTF16: Final = 100_000
_KEY_FILE: Final = Path(__file__).with_name("simulated_key.json")
_PUBLIC: Final = ("kty", "n", "e")


class TeamsSimulator(ProviderSimulator[TeamsSettings]):
    """One bot in Teams."""

    customer = "a:1-personal-chat"
    retries_s = (1.0, 2.0, 4.0, 8.0)

    def __init__(self, settings: TeamsSettings, to: str, speed: float = 1.0) -> None:
        super().__init__(settings, to, speed)
        self.jwk: dict[str, Any] = msgspec.json.decode(_KEY_FILE.read_bytes())
        self.kid = KID
        """Which key signs; the others are forgotten."""
        self.blocked: set[str] = set()
        """Conversations whose people blocked the bot."""
        self.tokens = 0
        """How many were given out; only the last is good."""
        self._activities = 0

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {
            "app_id": "00000000-1111-2222-3333-444444444444",
            "app_password": "client-secret-of-the-app",
            "tenant": "99999999-8888-7777-6666-555555555555",
            "service_url": f"{url}/teams/",
            "openid_url": f"{url}/v1/.well-known/openidconfiguration",
            "login_url": url,
        }

    # -- activities ---------------------------------------------------------------------------------------------------

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        content = self._content(part, number)
        return None if content is None else self.activity("message", customer, **content)

    def activity(self, kind: str, conversation: str, **more: Any) -> bytes:
        """An activity of the person ``29:1-customer`` in that conversation; ids go up as times do in Teams."""
        self._activities += 1
        place: dict[str, Any] = {"id": conversation, "conversationType": "personal", "tenantId": self.settings.tenant}
        if conversation.startswith("19:"):
            place |= {"conversationType": "channel" if "tacv2" in conversation else "groupChat", "isGroup": True}
        return msgspec.json.encode({
            "type": kind, "id": str(milliseconds(self.now) + self._activities), "timestamp": iso(self.now),
            "channelId": "msteams", "serviceUrl": self.settings.service_url, "locale": "ja-JP",
            "from": {"id": "29:1-customer", "name": "山田花子", "aadObjectId": "aaaa-bbbb"},
            "recipient": {"id": self.settings.bot, "name": "窓口"}, "conversation": place, **more,
        })  # fmt: skip

    def _content(self, part: Part, number: int) -> dict[str, Any] | None:
        match part:
            case Text():
                html = {"contentType": "text/html", "content": f"<p>{part.text}</p>"}
                return {"text": part.text, "textFormat": "plain", "attachments": [html]}
            case Image():
                self.media.setdefault(str(number), Media(b"\xff\xd8\xff", "image/jpeg"))
                url = f"{self.settings.service_url}v3/attachments/{number}/views/original"
                return {"attachments": [{"contentType": "image/*", "contentUrl": url}]}
            case Audio() | Video() | File():
                self.media.setdefault(str(number), Media(b"%PDF"))
                name = part.attachment.name or "file.pdf"
                content = {"downloadUrl": f"{self.settings.login_url}/download/{number}", "uniqueId": f"u{number}"}
                kind = "application/vnd.microsoft.teams.file.download.info"
                file = {"fileType": name.rpartition(".")[2]}
                return {"attachments": [{"contentType": kind, "content": {**content, **file}, "name": name}]}
            case Postback():
                return {"text": part.label or part.value, "value": {"madoguchi": part.value, "label": part.label}}
            case _:
                return None

    def signed(self, webhook: Webhook) -> Request:
        seconds = int(self.now.timestamp())
        service = msgspec.json.decode(webhook.body)["serviceUrl"]
        claims = {"serviceurl": service, "nbf": seconds, "exp": seconds + 3_600}
        claims |= {"iss": self.settings.issuer, "aud": self.settings.app_id}
        token = jwt.encode(claims, RSAAlgorithm.from_jwk(self.jwk), "RS256", {"kid": self.kid})  # type: ignore[arg-type]
        headers = {"content-type": "application/json; charset=utf-8", "authorization": f"Bearer {token}"}
        return posted(self.to, webhook.path, headers, webhook.body, self.now)

    # -- the service --------------------------------------------------------------------------------------------------

    def is_send(self, call: Call) -> bool:
        return call.method == "POST" and call.segments[-1] == "activities"

    def answer(self, call: Call) -> ProviderResponse:
        match (call.method, call.segments):
            case ("GET", ["v1", ".well-known", "openidconfiguration"]):
                return json_answer(200, {"issuer": self.settings.issuer, "jwks_uri": f"{self.settings.login_url}/keys"})
            case ("GET", ["keys"]):
                public = {name: self.jwk[name] for name in _PUBLIC}
                return json_answer(200, {"keys": [{**public, "kid": self.kid, "endorsements": ["msteams"]}]})
            case ("GET", ["download", name]):
                return self._file(name)
            case ("POST", [tenant, "oauth2", "v2.0", "token"]):
                return self._log_in(tenant, call.form())
            case (_, ["teams", "v3", *path]):
                return self._service(call, path)
            case _:
                return self._no(404, "NotFound", f"{call.method} {call.path} is not there")

    def _log_in(self, tenant: str, form: dict[str, str]) -> ProviderResponse:
        given = (tenant, form.get("client_id"), form.get("client_secret"), form.get("grant_type"), form.get("scope"))
        ours = self.settings
        if given != (ours.tenant, ours.app_id, ours.app_password.reveal(), "client_credentials", ours.scope):
            return self.refuse(401, {"error": "invalid_client"}, "Microsoft's log-in: invalid_client")
        self.tokens += 1
        return json_answer(200, {"token_type": "Bearer", "expires_in": 3_600, "access_token": f"token-{self.tokens}"})

    def _service(self, call: Call, path: list[str]) -> ProviderResponse:
        if call.headers.get("authorization") != f"Bearer token-{self.tokens}":
            return json_answer(401, {"error": {"code": "BotNotRegistered", "message": "No such token"}})
        match (call.method, path):
            case ("POST", ["conversations"]):
                return self._create(call.json() or {})
            case ("POST", ["conversations", conversation, "activities"]):
                return self._take(conversation, call.json() or {})
            case ("GET", ["conversations", conversation, "pagedmembers"]):
                known = self.profiles.get(conversation)
                return json_answer(200, {"members": [] if known is None else [known]})
            case ("GET", ["conversations", _, "members", person]):
                known = self.profiles.get(person)
                return json_answer(404 if known is None else 200, known or {"error": {"code": "MemberNotFound"}})
            case ("GET", ["attachments", name, "views", "original"]):
                return self._file(name)
            case _:
                return self._no(404, "NotFound", f"{call.method} {call.path} is not there")

    def _create(self, body: dict[str, Any]) -> ProviderResponse:
        members, tenant = body.get("members") or [], body.get("channelData", {}).get("tenant", {}).get("id")
        if len(members) != 1 or body.get("bot", {}).get("id") != self.settings.bot or tenant != self.settings.tenant:
            return self._no(400, "BadSyntax", "a conversation needs the bot, one member and the tenant")
        return json_answer(201, {"id": f"a:chat-with-{members[0]['id'].removeprefix('29:')}"})

    def _take(self, conversation: str, activity: dict[str, Any]) -> ProviderResponse:
        if activity.get("type") == "typing":
            return json_answer(202, {"id": ""})
        if activity.get("type") != "message" or not (activity.get("text") or activity.get("attachments")):
            return self._no(400, "BadArgument", "an activity without anything in it")
        if len(msgspec.json.encode(activity).decode().encode("utf-16-le")) > MOST_UTF16:
            return self._no(413, "MessageSizeTooBig", "the message is too large")
        if any(len(each.get("content", {}).get("actions", [])) > 6 for each in activity.get("attachments", [])):
            return self._no(400, "BadArgument", "a card with more than six actions")
        if conversation in self.blocked:
            return json_answer(403, {"error": {"code": "ConversationBlockedByUser", "message": "User blocked the bot"}})
        self._activities += 1
        identifier = str(milliseconds(self.now) + self._activities)
        return json_answer(201, {"id": self.reach(conversation, activity.get("text", ""), activity, identifier)})

    def _file(self, name: str) -> ProviderResponse:
        found = self.file(name)
        if found is None:
            return ProviderResponse(404)
        return ProviderResponse(200, {"content-type": found.media_type}, found.data)

    def _no(self, status: int, code: str, why: str) -> ProviderResponse:
        return self.refuse(status, {"error": {"code": code, "message": why}}, f"Teams: {why}")
