"""The routing policy: read it, publish another."""

from __future__ import annotations

from aiohttp import web

from contracts import commands
from contracts.policy import Policy
from contracts.streams import DISPATCH
from router.api import writes
from router.api.call import Call
from router.api.problems import bad_input
from router.api.queues import policy_of
from router.domain.policy.check import errors


async def get_policy(call: Call) -> Policy:
    return await policy_of(call.services)


async def put_policy(call: Call) -> writes.Done | web.Response:
    """Takes effect at once; what is already given stays where it is."""
    policy: Policy = call.body
    _check(policy)
    id = await writes.command_id(call)
    return await writes.carry_out(call, DISPATCH, commands.PublishPolicy(id=id, by=call.token.by, policy=policy))


def _check(policy: Policy) -> None:
    for problem in errors(policy):
        raise bad_input(problem.sentence, where=problem.path.replace("policy", "$", 1))
