"""The routing policy: read it, check and compare another, publish it, go back to an earlier one."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Final

import msgspec
from aiohttp import web

from contracts import commands
from contracts.agent import Agent
from contracts.policy import Policy
from contracts.streams import DISPATCH
from router.api import writes
from router.api.call import Call
from router.api.paging import Page
from router.api.problems import ApiError, bad_input, not_found
from router.api.services import ApiServices
from router.api.tables import AGENTS, CURRENT, HISTORY, POLICIES, POLICY
from router.domain.policy.check import check_beside, errors
from router.domain.policy.diff import Change, diff
from router.domain.policy.problem import Level, PolicyProblem
from router.domain.policy.strand import Report, strands
from router.domain.policy.versions import History, Note

Written = writes.Done | web.Response

_TAG: Final = re.compile(r'(?:W/)?"(\d{1,18})"|(\d{1,18})')


class PolicyInForce(Policy, frozen=True, omit_defaults=True, kw_only=True):
    """The policy with its number; 0 before any was published."""

    number: int


class NewPolicy(Policy, frozen=True, omit_defaults=True, kw_only=True):
    """A policy to publish. ``number``: refused unless it is in force (as ``If-Match`` says it too), so that what was
    read can be changed and sent back. ``why`` is kept with its number."""

    number: int | None = None
    why: str | None = None


class Rollback(msgspec.Struct, frozen=True):
    """Which one to go back to; none named: the one before."""

    number: int | None = None
    why: str | None = None


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """``where`` as in the document: ``$.rules[2].queue``. An ``error`` keeps the policy out."""

    where: str
    sentence: str
    level: Level


class Checked(msgspec.Struct, frozen=True):
    """``publishable``: without errors. ``changes``: what would be different. ``stranding``: work that nobody would ever
    be given, looked for only when there are no errors."""

    publishable: bool
    problems: tuple[Finding, ...]
    changes: tuple[Change, ...]
    stranding: Report | None = None


async def get_policy(call: Call) -> web.Response:
    """The one in force; its ``ETag`` is for ``If-Match`` when another is published."""
    history, policy = await history_of(call.services), await policy_of(call.services)
    headers = {"ETag": f'"{history.number}"', "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if _number(call, "If-None-Match") == history.number and history.number:
        return web.Response(status=304, headers=headers)
    body = writes.as_json(_numbered(policy, history.number))
    return web.Response(body=body, content_type="application/json", headers=headers)


async def list_policies(call: Call) -> Page[Note]:
    """The last hundred, latest first."""
    return Page((await history_of(call.services)).notes[::-1])


async def get_version(call: Call) -> PolicyInForce:
    """One of those that were in force."""
    number = call.path("number")
    kept: Policy | None = None
    if number.isascii() and number.isdigit() and len(number) <= 18:
        kept = await call.services.state.get(DISPATCH, POLICIES, str(int(number)))
    if kept is None:
        raise not_found("policy", number)
    return _numbered(kept, int(number))


async def check_policy(call: Call) -> Checked:
    """Nothing is published."""
    policy = _plain(call.body)
    at_ms = time.time_ns() // 1_000_000
    agents = await _agents(call.services)
    problems = check_beside(policy, agents, at_ms)
    good = not errors(policy)
    changes = diff(await policy_of(call.services), policy)
    # It may take a second of computing, which no other request should wait for.
    stranding = await asyncio.to_thread(strands, policy, agents, at_ms) if good else None
    return Checked(good, tuple(_finding(one) for one in problems), tuple(changes), stranding)


async def put_policy(call: Call) -> Written:
    """Takes effect at once; what is already given stays where it is."""
    body: NewPolicy = call.body
    policy = _plain(body)
    for problem in errors(policy):
        raise bad_input(problem.sentence, where=_finding(problem).where)
    expected = _expected(call, body.number)
    id = await writes.command_id(call)
    command = commands.PublishPolicy(id=id, by=call.token.by, policy=policy, expected=expected, why=_why(body.why))
    return await writes.carry_out(call, DISPATCH, command)


async def roll_back(call: Call) -> Written:
    """An earlier policy is in force again, under a new number."""
    body: Rollback = call.body
    expected = _expected(call, None)
    id = await writes.command_id(call)
    command = commands.RollbackPolicy(
        id=id, by=call.token.by, number=body.number, expected=expected, why=_why(body.why)
    )
    return await writes.carry_out(call, DISPATCH, command)


async def policy_of(services: ApiServices) -> Policy:
    """The policy in force."""
    found: Policy | None = await services.state.get(DISPATCH, POLICY, CURRENT)
    return found or Policy()


async def history_of(services: ApiServices) -> History:
    """The number in force, and notes on the last hundred."""
    found: History | None = await services.state.get(DISPATCH, HISTORY, CURRENT)
    return found or History()


async def _agents(services: ApiServices) -> list[Agent]:
    rows = await services.state.rows(DISPATCH, AGENTS)
    return [rows[id].agent for id in sorted(rows)]


def _numbered(policy: Policy, number: int) -> PolicyInForce:
    return PolicyInForce(number=number, **{name: getattr(policy, name) for name in Policy.__struct_fields__})


def _plain(body: NewPolicy) -> Policy:
    return Policy(**{name: getattr(body, name) for name in Policy.__struct_fields__})


def _finding(problem: PolicyProblem) -> Finding:
    return Finding(problem.path.replace("policy", "$", 1), problem.sentence, problem.level)


def _why(text: str | None) -> str | None:
    if text is not None and len(text) > 500:
        raise bad_input("the reason is longer than 500 characters", where="$.why", expected="at most 500 characters")
    return text


def _expected(call: Call, in_body: int | None) -> int | None:
    """The number that must be in force. Raises ApiError 400: header and body name two."""
    in_header = _number(call, "If-Match")
    if None not in (in_header, in_body) and in_header != in_body:
        raise ApiError(400, f"If-Match names policy {in_header}, and the body names {in_body}", where="If-Match")
    return in_body if in_header is None else in_header


def _number(call: Call, header: str) -> int | None:
    """The number in an entity tag; ``*`` is any. Raises ApiError 400."""
    text = call.request.headers.get(header, "*").strip()
    if text == "*":
        return None
    found = _TAG.fullmatch(text)
    if found is None:
        raise ApiError(400, f"{header} is not the ETag of a policy", where=header, expected='its number: "7"')
    return int(found[1] or found[2])
