"""A webchat account as tests use it: its keys, a visitor, and what they can ask."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.api import Action, Request, Say, SessionOpen
from connectors.registry import settings_of
from connectors.webchat import WebchatConnector
from connectors.webchat.session import ChatSession
from connectors.webchat.settings import WebchatSettings
from contracts.content import Part, Text
from contracts.message import Message

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
KEY = "0123456789abcdef0123456789abcdef"
USER_KEY = "fedcba9876543210fedcba9876543210"
NONCE = "AAAAAAAAAAAAAAAAAAAAAA"
HERE = {"origin": "https://chat.example", "host": "chat.example"}


class Desk:
    """One account, and what a test wants to do with it."""

    def __init__(self, account: str = "site", **settings: Any) -> None:
        given = {"token_key": KEY, "user_key": USER_KEY} | settings
        self.account = account
        read = settings_of(WebchatConnector, given, account)
        assert isinstance(read, WebchatSettings)
        self.connector = WebchatConnector(account, read)
        self.tokens = self.connector._tokens
        self.visitor = self.tokens.anonymous(NONCE, NOW)
        self.address = self.visitor.address
        self.token = self.tokens.sign(self.visitor)

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        at: datetime = NOW,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Request:
        named = HERE | dict(headers or {})
        return Request(method, path, query or {}, named, body, at, f"https://chat.example/in/{self.account}{path}")

    def ask(
        self, asked: Any, at: datetime = NOW, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """``POST /token``: status and body."""
        response = self.connector.handshake(self.request("POST", "/token", json.dumps(asked).encode(), at, headers))
        assert response is not None
        return response.status, json.loads(response.body)

    def open(self, **headers: str) -> ChatSession:
        session = self.connector.session(SessionOpen({}, HERE | headers, NOW))
        assert isinstance(session, ChatSession)
        return session

    def greeted(self, **hello: Any) -> ChatSession:
        """A session that has said hello."""
        session = self.open()
        said = frames(session.frame(json.dumps({"type": "hello", "token": self.token} | hello), NOW))
        assert said[0]["type"] == "welcome"
        return session

    def upload(self, body: bytes, media_type: str, name: str = "", token: str | None = None) -> Request:
        bearer = f"Bearer {self.token if token is None else token}"
        headers = {"content-type": media_type, "x-file-name": name, "authorization": bearer}
        return self.request("POST", "/upload", body, headers=headers)

    def message(self, number: int = 1, **fields: Any) -> Message:
        said: tuple[Part, ...] = fields.pop("parts", (Text("hello"),))
        facts: dict[str, Any] = {
            "id": f"ms_{number}",
            "conversation": "cv_00_a",
            "contact": "ct_00_a",
            "seq": number,
            "direction": "outbound",
            "channel": "webchat",
            "account": self.account,
            "address": self.address,
            "parts": said,
            "at": NOW,
            "state": "queued",
        }
        return Message(**(facts | fields))


def frames(actions: Sequence[Action]) -> list[dict[str, Any]]:
    return [json.loads(action.frame) for action in actions if isinstance(action, Say)]


def jwt(body: dict[str, Any], key: str = USER_KEY, **head: Any) -> str:
    def piece(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    said = f"{piece(json.dumps({'alg': 'HS256', 'typ': 'JWT'} | head).encode())}.{piece(json.dumps(body).encode())}"
    return f"{said}.{piece(hmac.digest(key.encode(), said.encode(), hashlib.sha256))}"


def user(**fields: Any) -> dict[str, Any]:
    ends = int((NOW + timedelta(minutes=5)).timestamp())
    return {
        "aud": "site",
        "sub": "customer-7",
        "exp": ends,
        "email": "Taro@Example.jp",
        "email_verified": True,
    } | fields
