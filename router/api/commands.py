"""The outcome of a write that was late."""

from __future__ import annotations

import re

from aiohttp import web

from contracts.streams import all_shards
from router.api import writes
from router.api.call import Call
from router.api.problems import ApiError, not_found

_FORM = re.compile(r"cm_[0-9a-z]{26}")


async def get_command(call: Call) -> writes.Done | web.Response:
    """200 with the outcome, 404 with 'not yet' while there is none; a refusal is told as it would have been."""
    shard, id = call.path("shard"), call.path("id")
    if shard not in all_shards(call.services.state.shards) or _FORM.fullmatch(id) is None:
        raise not_found("command", id)
    done = await call.services.submitter.outcome(shard, id)
    if done is None:
        raise ApiError(
            404, "no outcome is known: not carried out yet, or more than a day ago", name="no-outcome", retryable=True,
            headers={"Retry-After": "1"},
        )  # fmt: skip
    return writes.outcome(shard, done)
