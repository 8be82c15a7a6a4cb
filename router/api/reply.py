"""Whether a draft can be said, told while it is being written."""

from __future__ import annotations

from contracts.reply import Verdict
from router.api.call import Call
from router.api.conversations import NewMessage, check_target, parts_of
from router.api.ways import verdict_on


async def reply_check(call: Call) -> Verdict:
    """Whether the draft can be said, and how; and if not, why not and which of the customer's other ways can say it."""
    body: NewMessage = call.body
    check_target(body)
    return await verdict_on(call.services, call.path("id"), parts_of(body.text, body.parts), body, by=call.token.by)
