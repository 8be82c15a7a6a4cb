"""The policy over HTTP: read with its number, checked, published against one, rolled back; and decisions in words."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.router.api.desk import Desk

pytestmark = pytest.mark.store

QUEUES = [{"name": "default"}, {"name": "night"}]


async def in_force(service: Desk, token: str) -> tuple[dict[str, Any], str]:
    status, policy, headers = await service.call("GET", "/v1/policy", token)
    assert status == 200
    return policy, headers["ETag"]


async def test_what_was_read_is_changed_and_sent_back(service: Desk) -> None:
    token = await service.token()
    policy, tag = await in_force(service, token)
    assert tag == f'"{policy["number"]}"'
    policy |= {"queues": QUEUES, "why": "the night shift"}
    done = await service.post("/v1/policy", token, policy, method="PUT", headers={"If-Match": tag})
    assert done["result"] == {"number": str(policy["number"] + 1)}
    refused = await service.post("/v1/policy", token, policy | {"version": "x"}, 412, "PUT")
    assert refused["type"] == "urn:madoguchi:problem:stale"
    assert f"policy {policy['number'] + 1} is in force, not {policy['number']}" in refused["detail"]
    latest = (await service.get("/v1/policies", token))["items"][0]
    assert (latest["number"], latest["why"]) == (policy["number"] + 1, "the night shift")
    kept = await service.get(f"/v1/policies/{latest['number']}", token)
    assert [queue["name"] for queue in kept["queues"]] == ["default", "night"]


async def test_an_unchanged_policy_is_not_sent_again(service: Desk) -> None:
    token = await service.token()
    _, tag = await in_force(service, token)
    status, _, _ = await service.call("GET", "/v1/policy", token, headers={"If-None-Match": tag})
    assert status == 304


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"If-Match": '"999"'}, {"version": "y"}, 412),
        ({"If-Match": "latest"}, {"version": "y"}, 400),
        ({"If-Match": '"1"'}, {"version": "y", "number": 2}, 400),
        ({"If-Match": "*"}, {"version": "y"}, 200),
        ({}, {"version": "y", "why": "w" * 501}, 422),
    ],
)
async def test_the_number_that_is_replaced(
    service: Desk, headers: dict[str, str], body: dict[str, Any], status: int
) -> None:
    token = await service.token()
    await service.post("/v1/policy", token, body, status, "PUT", headers=headers)


async def test_an_earlier_policy_comes_back(service: Desk) -> None:
    token = await service.token()
    before, _ = await in_force(service, token)
    await service.post("/v1/policy", token, {"version": "two"}, method="PUT")
    await service.post("/v1/policy/rollback", token, {"why": "it was better"})
    after, _ = await in_force(service, token)
    assert {**after, "number": 0} == {**before, "number": 0}
    assert (await service.get("/v1/policies", token))["items"][0]["rolled_back_to"] == before["number"]
    problem = await service.post("/v1/policy/rollback", token, {"number": 900}, 404)
    assert "policy 900 is not kept; there are 1 to" in problem["detail"]
    for number in ("900", "0", "x", "9" * 30):
        status, _, _ = await service.call("GET", f"/v1/policies/{number}", token)
        assert status == 404


async def test_a_check_publishes_nothing_and_tells_all(service: Desk) -> None:
    token = await service.token("read")
    before = await in_force(service, token)
    wrong = {"rules": [{"name": "a", "queue": "defualt"}, {"name": "a", "tags": ["x"]}]}
    told = await service.post("/v1/policy/check", token, wrong)
    assert not told["publishable"]
    found = {one["where"]: one["sentence"] for one in told["problems"] if one["level"] == "error"}
    assert set(found) == {"$.rules[0].queue", "$.rules[1].name"}
    assert "did you mean 'default'?" in found["$.rules[0].queue"]
    assert told["stranding"] is None
    assert await in_force(service, token) == before


async def test_a_check_tells_what_would_change_and_whom_it_strands(service: Desk) -> None:
    await service.hire("hanako")
    token = await service.token("read")
    new = {"rules": [{"name": "gold", "queue": "default", "skills": [{"skill": "gold", "level": 3}]}]}
    told = await service.post("/v1/policy/check", token, new)
    assert told["publishable"]
    assert "rules.gold" in [change["path"] for change in told["changes"]]
    (strand,) = told["stranding"]["strands"]
    assert (strand["queue"], strand["why"]) == ("default", "lacks_skill")
    assert strand["story"][-1] == "in 'default' it stays for ever"


async def test_the_story_is_there_within_a_second_in_both_languages(service: Desk) -> None:
    token = await service.token("read")
    id = await service.conversation(address="story")
    began = time.monotonic()
    while not (told := await service.get(f"/v1/conversations/{id}/why", token)).get("steps"):
        assert time.monotonic() - began < 1
        await asyncio.sleep(0.01)
    assert told["language"] == "en"
    step = told["steps"][0]
    assert step["sentence"].startswith("The conversation asked for an agent.")
    assert step["decision"]["policy_number"] >= 1
    assert any(detail.startswith("Policy ") for detail in step["details"])
    japanese = await service.get(f"/v1/conversations/{id}/why", token, params={"language": "ja-JP"})
    assert japanese["steps"][0]["sentence"].startswith("会話が担当者を求めました。")
    status, _, _ = await service.call("GET", "/v1/conversations/cv_00_none/why", token)
    assert status == 404
