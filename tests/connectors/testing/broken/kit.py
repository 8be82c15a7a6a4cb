"""The kit over the gateway, its cases as values, and a run of every check that tells which went red."""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Final

import pytest

from connectors.api import Secret, SessionOpen
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from connectors.testing.conformance import CHECKS, parameters
from tests.connectors.testing.broken.gateway import PHONE, SECRET, TOKEN, VERIFY, Gateway, mac

PROVENANCE: Final = "Made up for the tests of the kit"
API: Final = "https://api.gateway.example"


def message(id: str, text: str) -> dict[str, Any]:
    """An event of the provider."""
    return {"type": "message", "id": id, "from": PHONE, "text": text}


def heard(id: str, text: str) -> dict[str, Any]:
    """What it becomes."""
    sender = {"address": PHONE, "verified": True}
    return {"type": "message", "provider_id": id, "sender": sender, "parts": [{"kind": "text", "text": text}]}


def said(**body: Any) -> dict[str, Any]:
    """A call that sends."""
    return {"url": f"{API}/messages", "body": {"to": PHONE, **body}, "idempotent": True}


INBOUND: Final[dict[str, dict[str, Any]]] = {
    "a_text": {"body": {"events": [message("in-1", "こんにちは")]}, "events": [heard("in-1", "こんにちは")]},
    "batch": {
        "body": {"events": [message("in-2", "一"), message("in-3", "二")]},
        "events": [heard("in-2", "一"), heard("in-3", "二")],
    },
    "echo": {"body": {"events": [{**message("out-1", "x"), "echo": True}]}, "result": "ignored", "echo": True},
    "handshake": {
        "text": "", "method": "GET", "query": {"verify": VERIFY, "challenge": "42"}, "result": "handshake",
        "answer": {"status": 200, "body": "42"},
    },
    "special": {"body": {"events": [message("in-4", "special")]}, "events": [heard("in-4", "special")]},
    "unknown": {"body": {"events": [{**message("in-5", "x"), "type": "weather"}]}, "result": "ignored"},
    "wrong": {"body": {"events": "none"}, "result": "malformed"},
}  # fmt: skip

FILE: Final = {
    "parts": [{"kind": "file", "attachment": {"id": "at_1"}}], "address": PHONE,
    "media": {"at_1": {"url": "https://m/1", "name": "a.pdf", "media_type": "application/pdf", "size": 9}},
}  # fmt: skip

OUTBOUND: Final[dict[str, dict[str, Any]]] = {
    "text": {"message": {"parts": [{"kind": "text", "text": "はい"}], "address": PHONE}, "calls": [said(text="はい")]},
    "file": {
        "message": FILE,
        "calls": [{"url": f"{API}/uploads", "body": {"from": "https://m/1"}, "idempotent": True}],
        "talk": [
            {"answer": {"status": 200, "body": '{"id":"f1"}'}, "then": said(file="f1")},
            {"answer": {"status": 200, "body": '{"id":"m1"}', "means": "sent"}},
        ],
    },
    "refused": {
        "message": {"parts": [{"kind": "reaction", "target": "ms_a", "emoji": "👍"}], "address": PHONE},
        "fails": "unsupported",
    },
}

MEANINGS: Final = {
    200: "sent", 400: "rejected", 401: "config", 403: "config", 404: "recipient_gone", 409: "rejected",
    410: "recipient_gone", 413: "too_large", 429: "throttled", 500: "unreachable", 503: "unreachable",
}  # fmt: skip
ANSWERS: Final[list[dict[str, Any]]] = [
    *({"to": "text", "status": status, "means": means} for status, means in MEANINGS.items()),
    *({"to": "text", "failure": each, "means": "unreachable"} for each in ("unreachable", "timeout", "reset")),
]


class Kit(ConnectorConformance):
    connector: ClassVar[Any] = Gateway
    settings: ClassVar[dict[str, Any]] = {"secret": SECRET, "token": TOKEN, "verify_token": VERIFY}
    address = PHONE
    stale_after_s = 300
    echoes = True
    codes: ClassVar[Sequence[Any]] = (503, "weather")
    frames = ("say こんにちは",)
    mutations = 300
    cuts = 9
    patience_s = 0.5

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        seconds = str(int(at.timestamp()))
        return {"x-time": seconds, "x-signature": mac(Secret(SECRET), seconds, body).decode()}

    def opening(self) -> SessionOpen:
        return SessionOpen({"who": PHONE}, {}, case_files.NOW)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[tuple[dict[str, Any], Sequence[str]]]:
        with TemporaryDirectory() as folder:
            (Path(folder) / "box").write_text("m1 m2 m3")
            yield {"box": str(Path(folder) / "box")}, ["m1", "m2", "m3"]


def write(
    folder: Path, inbound: Mapping[str, Any], outbound: Mapping[str, Any], answers: Sequence[Mapping[str, Any]]
) -> Path:
    """The cases as files."""
    for below, cases in (("in", inbound), ("out", outbound)):
        (folder / below).mkdir(parents=True)
        for name, case in cases.items():
            (folder / below / f"{name}.json").write_text(json.dumps({"provenance": PROVENANCE, **case}))
    (folder / "answers.json").write_text(json.dumps({"provenance": PROVENANCE, "answers": list(answers)}))
    return folder


def red(kit: type[ConnectorConformance]) -> dict[str, str]:
    """Every check that goes red, and why."""
    found: dict[str, str] = {}
    for name in CHECKS:
        check = getattr(kit, name)
        for arguments in _arguments(kit, check) if check is not None else ():
            try:
                check(kit(), *arguments)
            except (Exception, pytest.fail.Exception) as error:
                found[name] = f"{type(error).__name__}: {error}"
    return found


def _arguments(kit: type[ConnectorConformance], check: Any) -> Iterator[tuple[Any, ...]]:
    """What the check is called with: once, or for each case."""
    names = [name for name in inspect.signature(check).parameters if name != "self"]
    if not names:
        yield ()
    for name in names:
        for value in (parameters(kit, name) or {}).values():
            yield (value,)
