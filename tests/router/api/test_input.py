"""Whatever is sent: never a 5xx, always a problem that says where and what would be right."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.api.body import decode
from router.api.conversations import NewMessage
from router.api.problems import ApiError
from tests.router.api.desk import Desk

JSON = {"Content-Type": "application/json"}
BAD: list[tuple[bytes, int]] = [
    (b"", 400),
    (b"{", 400),
    (b"null", 422),
    (b"[]", 422),
    (b'"text"', 422),
    (b"[" * 100_000, 400),
    (b'{"parts":' * 5_000, 400),
    (b'{"text": NaN}', 400),
    (b'{"text": Infinity}', 400),
    (b'{"text": ' + b"1" * 5_000 + b"}", 400),
    (b'{"text": "x", "provider_extra": {"n": 18446744073709551616}}', 400),
    (b'{"text": "\xff"}', 400),
    (b'{"text": "\\ud800"}', 400),
    (b'\xef\xbb\xbf{"text": "x"}', 400),
    ('{"text": "x"}'.encode("utf-16"), 400),
    (b'{"text": 5}', 422),
    (b'{"text": null}', 422),
    (b'{"text": ""}', 422),
    (b'{"text": " \\n"}', 422),
    (b'{"txt": "x"}', 422),
    (b'{"text": "x", "extra": {}}', 422),
    (b'{"text": "x", "parts": [{"kind": "text", "text": "y"}]}', 422),
    (b'{"parts": [{"kind": "nonsense"}]}', 422),
    (b'{"parts": [{"kind": "text"}]}', 422),
    (b'{"parts": [{"kind": "text", "text": "y", "colour": "red"}]}', 422),
    (b'{"text": "x", "account": "a"}', 422),
    (b'{"text": "' + b"x" * 100_001 + b'"}', 422),
    (b'{"text": "' + b"x" * 1_048_576 + b'"}', 413),
    (b'{"provider_extra": ' + b'{"a":' * 40 + b"1" + b"}" * 40 + b', "text": "x"}', 400),
]


async def test_bad_bodies_get_a_clear_answer(service: Desk) -> None:
    token, id = await service.token(), await service.conversation()
    for body, wanted in BAD:
        path = f"/v1/conversations/{id}/messages"
        status, problem, headers = await service.call("POST", path, token, data=io.BytesIO(body), headers=JSON)
        assert status == wanted, (body[:60], status, problem)
        assert headers["Content-Type"].startswith("application/problem+json")
        assert {"type", "title", "status", "detail"} <= set(problem)
    page = await service.get(f"/v1/conversations/{id}/messages", token)
    assert len(page["items"]) == 1


async def test_a_misspelt_field_is_named_with_the_right_one(service: Desk) -> None:
    token, id = await service.token(), await service.conversation()
    body = {"parts": [{"kind": "text", "text": "y", "quotd": "z"}]}
    problem = await service.post(f"/v1/conversations/{id}/messages", token, body, 422)
    assert problem["where"] == "$.parts[0].quotd"
    assert "did you mean 'quoted'?" in problem["detail"] and "html" in problem["expected"]
    problem = await service.post("/v1/agents/x", token, {"name": "X", "skills": {"ja": 9}}, 422, "PUT")
    assert (problem["where"], problem["expected"]) == ("$.skills.ja", "1 to 5")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json; charset=shift_jis"}, 415),
        ({"Content-Type": "application/json; charset=UTF-8"}, 200),
        ({**JSON, "Content-Encoding": "br"}, 415),
        ({**JSON, "Idempotency-Key": "a b"}, 400),
    ],
)
async def test_headers(service: Desk, headers: dict[str, str], status: int) -> None:
    id = await service.conversation()
    path, token = f"/v1/conversations/{id}/notes", await service.token()
    skip = {"skip_auto_headers": ["Content-Type"]}
    found, body, _ = await service.call("POST", path, token, data=b'{"text": "x"}', headers=headers, **skip)
    assert found == status, body


async def test_queries_are_strict_too(service: Desk) -> None:
    token = await service.token()
    for query in ("limit=0", "limit=x", "limit=201", "stauts=open", "status=gone", "cursor=%21%21", "limit=1&limit=2"):
        status, problem, _ = await service.call("GET", f"/v1/conversations?{query}", token)
        assert status == 400 and problem["where"].startswith("?"), (query, problem)
    status, problem, _ = await service.call("GET", "/v1/contacts", token)
    assert status == 400
    for path in ("/v1/nothing", "/v1/conversations/a/b/c/d"):
        status, problem, _ = await service.call("GET", path, token)
        assert (status, problem["status"]) == (404, 404)
    status, problem, headers = await service.call("DELETE", "/v1/queues", token)
    assert status == 405 and "GET" in headers["Allow"]


async def test_the_same_key_does_it_once(service: Desk) -> None:
    token, id = await service.token(), await service.conversation()
    path, keyed = f"/v1/conversations/{id}/messages", {"Idempotency-Key": "k-1"}
    first = await service.post(path, token, {"text": "一度だけ"}, headers=keyed)
    again = await service.post(path, token, {"text": "一度だけ"}, headers=keyed)
    assert first == again
    problem = await service.post(path, token, {"text": "別"}, 422, headers=keyed)
    assert problem["type"].endswith("idempotency-key-reused")
    other = await service.post(path, await service.token(), {"text": "別"}, headers=keyed)
    assert other["command"] != first["command"]
    page = await service.get(path, token)
    assert [m["parts"][0]["text"] for m in page["items"] if m["direction"] == "outbound"] == ["別", "一度だけ"]


async def test_a_late_outcome_is_found_where_it_was_said(service: Desk) -> None:
    token, id = await service.token(), await service.conversation()
    done = await service.post(f"/v1/conversations/{id}/notes", token, {"text": "x"})
    assert await service.get(f"/v1/commands/{done['shard']}/{done['command']}", token) == done
    for path in (f"{done['shard']}/cm_{'0' * 26}", f"c:99/{done['command']}", f"{done['shard']}/nonsense"):
        assert (await service.call("GET", f"/v1/commands/{path}", token))[0] == 404


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "parts", "kind", "attachment", "channel"]), inner, max_size=3), max_leaves=8))  # fmt: skip # noqa: E501
def test_any_json_is_a_message_or_a_problem(value: Any) -> None:
    try:
        body = msgspec.json.encode(value)
    except UnicodeEncodeError:
        return
    try:
        assert isinstance(decode(body, NewMessage), NewMessage)
    except ApiError as error:
        assert error.problem.status in (400, 422)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_problem(body: bytes) -> None:
    try:
        decode(body, NewMessage)
    except ApiError as error:
        assert error.problem.status in (400, 422)
