"""Files that agents send: kept, named in a message, opened by a signed link."""

from __future__ import annotations

import hashlib

import pytest

from router.api import uploads
from tests.router.api.desk import Desk

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
TYPE = {"Content-Type": "image/png"}


async def test_an_uploaded_file_goes_out_with_a_message(service: Desk) -> None:
    token, id = await service.token(), await service.conversation()
    status, file, _ = await service.call("POST", "/v1/attachments?name=receipt.png", token, data=PNG, headers=TYPE)
    assert (status, file["state"], file["name"], file["size"]) == (200, "ready", "receipt.png", len(PNG))
    assert file["sha256"] == hashlib.sha256(PNG).hexdigest()
    body = {"parts": [{"kind": "image", "attachment": file}]}
    status, done, _ = await service.call("POST", f"/v1/conversations/{id}/messages", token, json=body)
    assert status in (200, 202), done
    page = await service.get(f"/v1/conversations/{id}/messages", token)
    sent = next(each for each in page["items"] if each["direction"] == "outbound")
    link = await service.get(f"/v1/conversations/{id}/messages/{sent['id']}/attachments/{file['id']}", token)
    assert (link["media_type"], link["name"], link["size"]) == ("image/png", "receipt.png", len(PNG))


async def test_the_same_file_is_the_same_attachment(service: Desk) -> None:
    token = await service.token()
    answers = [
        (await service.call("POST", "/v1/attachments?name=a.png", token, data=PNG, headers=TYPE))[1] for _ in "12"
    ]
    assert answers[0] == answers[1]


async def test_what_is_no_file_is_told(service: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_BYTES", 5_000)
    token = await service.token()
    cases = [
        ({"data": b"", "headers": TYPE}, "/v1/attachments", 400),
        ({"data": PNG, "headers": {"Content-Type": "nonsense"}}, "/v1/attachments", 415),
        ({"data": PNG, "headers": TYPE}, "/v1/attachments?nmae=x", 400),
        ({"data": bytes(5_001), "headers": TYPE}, "/v1/attachments", 413),
    ]
    for sent, path, wanted in cases:
        status, problem, _ = await service.call("POST", path, token, **sent)
        assert status == wanted, problem
        assert {"type", "title", "status", "detail"} <= set(problem)
