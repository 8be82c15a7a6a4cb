"""Giving a shard a command from the command line and waiting for its word."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime
from typing import Any

from contracts import ids
from contracts.commands import Command
from contracts.events import CommandDone
from router.cli.failure import Failure
from router.shards.append import Appender
from router.shards.shard import DONE
from router.shards.state import StateReader
from router.store import Store

_PATIENCE_S = 10.0
_PAUSE_S = 0.05


def command_id() -> str:
    """A new id, as the API makes them."""
    return f"{ids.COMMAND}_{ids.digest(secrets.token_hex(16), datetime.now(UTC).isoformat())}"


async def carry_out(store: Store, shards: int, shard: str, command: Command) -> None:
    """Appends the command and waits until it is done.

    Raises:
        Failure: it was refused, or no worker took it in ten seconds (it will be carried out when one comes).
    """
    assert command.id is not None
    await Appender(store).append(shard, command)
    state: Any = StateReader(store, shards)
    for _ in range(round(_PATIENCE_S / _PAUSE_S)):
        done: CommandDone | None = await state.get(shard, DONE, command.id)
        if done is not None:
            return _judge(done)
        await asyncio.sleep(_PAUSE_S)
    raise Failure(
        "no worker has taken it yet; it will be carried out when one runs", "madoguchi streams shows who owns what"
    )


def _judge(done: CommandDone) -> None:
    if done.problem is not None:
        raise Failure(f"refused: {done.problem.sentence}")
