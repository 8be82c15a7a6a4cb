"""Answers are shown by the demonstration's stand-ins for the providers; a code carries a customer over."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.router.cli.command import Demonstration, demonstration

pytestmark = pytest.mark.store


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    with demonstration(tmp_path_factory.mktemp("answers")) as running:
        yield running


def post(service: Demonstration, path: str, body: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(service.url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def arrived(service: Demonstration, channel: str, *words: str) -> str:
    """The conversation that a tried message opened."""
    known = {one["id"] for one in service.get("/v1/conversations")["items"]}
    assert service.run("try", channel, *words).returncode == 0
    service.wait(lambda: {one["id"] for one in service.get("/v1/conversations")["items"]} - known)
    (new,) = {one["id"] for one in service.get("/v1/conversations")["items"]} - known
    return str(new)


@pytest.mark.parametrize(("channel", "shown"), [("line", "line to"), ("webhook", "hook to"), ("email", "email to")])
def test_answer_leaves_and_is_shown(service: Demonstration, channel: str, shown: str) -> None:
    conversation = arrived(service, channel)
    text = f"answer by {channel}, かしこまりました"
    post(service, f"/v1/conversations/{conversation}/messages", {"text": text})
    service.wait(lambda: any(shown in line and text in line for line in service.out.splitlines()))
    assert text not in service.log


def test_handover_code_sent_by_line_continues_the_conversation(service: Demonstration) -> None:
    conversation = arrived(service, "email", "--from", "hanako@customer.example")
    code = post(service, f"/v1/conversations/{conversation}/handover", {})["code"]
    before = len(service.get("/v1/conversations")["items"])
    assert service.run("try", "line", "--from", "U" + "b" * 32, "--text", code).returncode == 0

    def joined() -> bool:
        contact = service.get(f"/v1/conversations/{conversation}")["contact"]
        channels = {one["channel"] for one in service.get(f"/v1/contacts/{contact}")["identities"]}
        return {"email", "line"} <= channels

    service.wait(joined)
    assert len(service.get("/v1/conversations")["items"]) == before
