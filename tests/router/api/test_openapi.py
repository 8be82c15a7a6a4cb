"""The description is fresh, whole, and true of what the service answers."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from router.api.openapi import TARGET, describe, document
from router.api.table import ROUTES
from tests.router.api.desk import Desk


def test_the_file_is_fresh() -> None:
    assert TARGET.read_bytes() == document(), "run make gen"


def test_every_operation_is_there_once_and_every_reference_leads_somewhere() -> None:
    found = describe()
    operations = [one for methods in found["paths"].values() for one in methods.values()]
    assert len(operations) == len(ROUTES) == len({one["operationId"] for one in operations})
    for ref in references(found):
        place: Any = found
        for step in ref.removeprefix("#/").split("/"):
            place = place[step]


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return here + [ref for inner in value.values() for ref in references(inner)]
    return [ref for inner in value for ref in references(inner)] if isinstance(value, list) else []


async def test_answers_are_what_it_says(service: Desk) -> None:
    token = await service.token()
    await service.hire()
    id = await service.conversation()
    status, served, _ = await service.call("GET", "/v1/openapi.json", None)
    assert status == 200
    for path in (
        "/v1/conversations", "/v1/conversations/{id}", "/v1/conversations/{id}/context",
        "/v1/conversations/{id}/messages",
        "/v1/conversations/{id}/decisions", "/v1/agents", "/v1/queues", "/v1/policy", "/v1/accounts", "/v1/tokens",
        "/v1/subscriptions", "/v1/policies", "/v1/conversations/{id}/why",
    ):  # fmt: skip
        answer = await service.get(path.replace("{id}", id), token)
        validate(served, path, "200", answer)
    _, problem, _ = await service.call("GET", "/v1/conversations/cv_00_none", token)
    validate(served, "/v1/conversations/{id}", "404", problem)


def validate(document: Any, path: str, status: str, answer: Any) -> None:
    content = document["paths"][path]["get"]["responses"][status]["content"]
    schema = next(iter(content.values()))["schema"]
    jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(answer)


async def test_the_page_asks_nobody_else(service: Desk) -> None:
    for path in ("/v1/docs", "/v1/docs/docs.js", "/v1/docs/docs.css"):
        status, body, headers = await service.call("GET", path, None)
        assert status == 200 and b"https://" not in body and b"//cdn" not in body
        assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert (await service.call("GET", "/v1/docs/secret", None))[0] == 404
    assert json.loads(document())["openapi"] == "3.1.0"
