"""Who may do what: every endpoint with every scope."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from router.api.table import ROUTES
from router.api.tokens import SCOPES, Scope, TokenStore
from tests.router.api.desk import Desk

# Written out by hand: a change of the table in the code is not a change of what was promised.
PROMISED: dict[str, Scope | None] = {
    "GET /v1/conversations": "read",
    "GET /v1/conversations/{id}": "read",
    "GET /v1/conversations/{id}/context": "read",
    "GET /v1/conversations/{id}/messages": "read",
    "POST /v1/conversations/{id}/messages": "reply",
    "POST /v1/conversations/{id}/reply-check": "read",
    "POST /v1/conversations/{id}/notes": "reply",
    "POST /v1/conversations/{id}/status": "reply",
    "POST /v1/conversations/{id}/snooze": "reply",
    "POST /v1/conversations/{id}/tags": "reply",
    "POST /v1/conversations/{id}/attributes": "reply",
    "POST /v1/conversations/{id}/priority": "assign",
    "POST /v1/conversations/{id}/transfer": "assign",
    "POST /v1/conversations/{id}/handoff": "reply",
    "POST /v1/conversations/{id}/take-over": "assign",
    "POST /v1/conversations/{id}/consult": "reply",
    "POST /v1/conversations/{id}/consult/end": "reply",
    "POST /v1/conversations/{id}/callback": "reply",
    "POST /v1/conversations/{id}/wrap-up/finish": "reply",
    "POST /v1/conversations/{id}/accept": "reply",
    "POST /v1/conversations/{id}/decline": "reply",
    "POST /v1/conversations/{id}/claim": "reply",
    "POST /v1/conversations/{id}/handover": "reply",
    "GET /v1/conversations/{id}/decisions": "read",
    "GET /v1/conversations/{id}/why": "read",
    "GET /v1/conversations/{id}/messages/{message}": "read",
    "GET /v1/conversations/{id}/messages/{message}/raw": "read",
    "GET /v1/conversations/{id}/messages/{message}/attachments/{attachment}": "read",
    "GET /v1/media/{sha256}": None,
    "POST /v1/attachments": "reply",
    "GET /v1/contacts": "read",
    "GET /v1/contacts/{id}": "read",
    "PATCH /v1/contacts/{id}": "reply",
    "POST /v1/contacts/{id}/link": "reply",
    "POST /v1/contacts/{id}/unlink": "reply",
    "POST /v1/contacts/{id}/merge": "reply",
    "GET /v1/agents": "read",
    "GET /v1/agents/{id}": "read",
    "PUT /v1/agents/{id}": "admin",
    "DELETE /v1/agents/{id}": "admin",
    "PUT /v1/agents/{id}/presence": "reply",
    "GET /v1/queues": "read",
    "GET /v1/queues/{name}/waiting": "read",
    "GET /v1/policy": "read",
    "PUT /v1/policy": "admin",
    "POST /v1/policy/check": "read",
    "POST /v1/policy/rollback": "admin",
    "GET /v1/policies": "read",
    "GET /v1/policies/{number}": "read",
    "GET /v1/accounts": "read",
    "GET /v1/commands/{shard}/{id}": "read",
    "GET /v1/events": "read",
    "GET /v1/agent": None,
    "GET /v1/subscriptions": "admin",
    "POST /v1/subscriptions": "admin",
    "GET /v1/subscriptions/{id}": "admin",
    "PATCH /v1/subscriptions/{id}": "admin",
    "DELETE /v1/subscriptions/{id}": "admin",
    "POST /v1/subscriptions/{id}/rotate": "admin",
    "GET /v1/subscriptions/{id}/deliveries": "admin",
    "POST /v1/subscriptions/{id}/deliveries/{delivery}/redeliver": "admin",
    "GET /v1/tokens": "admin",
    "POST /v1/tokens": "admin",
    "DELETE /v1/tokens/{id}": "admin",
    "GET /v1/openapi.json": None,
    "GET /v1/docs": None,
    "GET /v1/docs/{name}": None,
}


def test_the_table_is_what_was_promised() -> None:
    assert {f"{route.method} {route.path}": route.scope for route in ROUTES} == PROMISED


async def test_every_endpoint_with_every_scope(service: Desk) -> None:
    tokens = {scope: await service.token(scope) for scope in SCOPES}
    for operation, needed in PROMISED.items():
        if operation == "GET /v1/events":
            continue  # opened, it would never end; its refusals are below like all others'
        method, path = operation.replace("{id}", "x").replace("{", "").replace("}", "").split(" ")
        for scope, token in tokens.items():
            status, problem, headers = await service.call(method, path, token)
            allowed = needed in (None, scope) or scope == "admin"
            assert (status != 403 or problem["type"].endswith("bad-link")) is allowed, (
                operation,
                scope,
                status,
                problem,
            )
            if not allowed:
                assert f'error="insufficient_scope", scope="{needed}"' in headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "text", [None, "", "mdg_", "mdg_" + "0" * 12 + "_" + "A" * 43, "Bearer", "mdg_\u00e9", "x" * 10_000]
)
async def test_without_a_good_token_nothing_opens(service: Desk, text: str | None) -> None:
    headers = {} if text is None else {"Authorization": f"Bearer {text}"}
    for operation, needed in PROMISED.items():
        if needed is None:
            continue
        method, path = operation.replace("{", "").replace("}", "").split(" ")
        if text == "x" * 10_000 and operation != "GET /v1/conversations":
            continue
        status, problem, answered = await service.call(method, path, None, headers=headers)
        assert status in (401, 400), (operation, status)
        if status == 401:
            assert answered["WWW-Authenticate"].startswith('Bearer realm="madoguchi"')
            assert answered["Content-Type"] == "application/problem+json"
            assert problem["status"] == 401


async def test_tokens_are_hashed_expire_and_are_revoked(service: Desk) -> None:
    admin = await service.token("admin")
    made = await service.post("/v1/tokens", admin, {"name": "bot", "scopes": ["read"]}, 201)
    secret = made["text"].split("_", 2)[2]
    kept = await service.services.lane.call("m1:tokens", "HVALS", "m1:tokens")
    assert len(kept) == 2 and not any(secret.encode() in value for value in kept)
    listed = (await service.get("/v1/tokens", admin))["items"]
    assert secret not in str(listed) and made["token"]["id"] in {one["id"] for one in listed}
    await service.get("/v1/accounts", made["text"])
    assert (await service.call("DELETE", f"/v1/tokens/{made['token']['id']}", admin))[0] == 204
    assert (await service.call("GET", "/v1/accounts", made["text"]))[0] == 401
    assert (await service.call("DELETE", f"/v1/tokens/{made['token']['id']}", admin))[0] == 404


async def test_an_expired_token_opens_nothing(service: Desk) -> None:
    store: TokenStore = service.tokens
    now = datetime(2026, 11, 21, tzinfo=UTC)
    token, text = await store.create("short", ("read",), expires_at=now, at=now)
    assert await store.find(text, now - timedelta(seconds=1)) == token
    assert await store.find(text, now) is None
    assert await store.find(text[:-1] + ("A" if text[-1] != "A" else "B"), now - timedelta(days=1)) is None
    past: dict[str, Any] = {"name": "x", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}
    status, problem, _ = await service.call("POST", "/v1/tokens", await service.token("admin"), json=past)
    assert (status, problem["where"]) == (422, "$.expires_at")


async def test_an_agents_token_acts_for_that_agent_only(service: Desk) -> None:
    await service.hire("jiro")
    await service.hire("hanako")
    token = await service.token("read", "reply", agent="hanako")
    await service.post("/v1/agents/me/presence", token, {"declared": "busy"}, method="PUT")
    assert (await service.get("/v1/agents/hanako", token))["presence"]["declared"] == "busy"
    status, _, headers = await service.call("PUT", "/v1/agents/jiro/presence", token, json={"declared": "away"})
    assert status == 403 and 'scope="assign"' in headers["WWW-Authenticate"]
    id = await service.conversation()
    status, problem, _ = await service.call("POST", f"/v1/conversations/{id}/claim", token, json={"agent": "jiro"})
    assert status == 403
    status, problem, _ = await service.call(
        "POST", f"/v1/conversations/{id}/claim", await service.token("reply"), json={}
    )
    assert (status, problem["where"]) == (422, "$.agent")
