"""Carrying out a write: the command goes to its shard, and the answer is its outcome, or where to look for it."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Any, Final

import msgspec
from aiohttp import web

from contracts import codec, ids
from contracts.commands import Command
from contracts.events import CommandDone
from contracts.streams import LAYOUT
from router.api.call import Call
from router.api.problems import ApiError, of_refusal
from router.api.services import ApiServices
from router.store.errors import StoreError, StoreLost

_KEPT_S: Final = 86_400
_KEY_FORM: Final = re.compile(r"[\x21-\x7e]{1,200}")


class Done(msgspec.Struct, frozen=True):
    """A write was carried out. ``result`` names what came of it, for example ``message``."""

    command: str
    shard: str
    result: dict[str, str] = {}


class Late(msgspec.Struct, frozen=True):
    """A write was taken durably and will be carried out; its outcome will be at ``location``."""

    command: str
    shard: str
    location: str


async def command_id(call: Call) -> str:
    """The id of the command to send: with an ``Idempotency-Key`` the same for the same key, else a new one.

    Raises:
        ApiError: 400 the key is malformed, 422 the key was used for something else within the last day.
    """
    key = call.request.headers.get("Idempotency-Key")
    if key is None:
        return new_command_id()
    if _KEY_FORM.fullmatch(key) is None:
        raise ApiError(400, "Idempotency-Key must be 1 to 200 visible ASCII characters", where="Idempotency-Key")
    id = keyed_command_id(call.token.id, key)
    await _claim(call.services, id, _print_of(call))
    return id


def new_command_id() -> str:
    """An id that nobody can guess."""
    return f"{ids.COMMAND}_{secrets.token_hex(13)}"


def keyed_command_id(token: str, key: str) -> str:
    """The one id for this token and key."""
    return f"{ids.COMMAND}_{ids.digest('idempotency', token, key)}"


def message_id(command: str) -> str:
    """The id of the message that a command makes."""
    return ids.message_id("api", command)


def _print_of(call: Call) -> str:
    request = call.request
    said = "\n".join((request.method, request.path, hashlib.sha256(call.raw).hexdigest()))
    return hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()


async def _claim(services: ApiServices, id: str, fingerprint: str) -> None:
    key = f"{LAYOUT}:idempotency:{id}"
    earlier = await services.lane.call(key, "SET", key, fingerprint, "NX", "GET", "EX", _KEPT_S)
    if earlier is not None and earlier != fingerprint.encode("ascii"):
        raise ApiError(
            422,
            "this Idempotency-Key was used for another request",
            name="idempotency-key-reused",
            where="Idempotency-Key",
        )


async def carry_out(call: Call, shard: str, command: Command) -> Done | web.Response:
    """Sends the command (its ``id`` set) and waits for its outcome.

    Raises:
        ApiError: the rules refused it (404, 409, 422), or the store cannot be reached (503).
    """
    assert command.id is not None
    done = await submit(call.services, shard, command)
    if done is None:
        return _late(call, shard, command.id)
    return outcome(shard, done)


async def submit(
    services: ApiServices, shard: str, command: Command, wait_s: float | None = None
) -> CommandDone | None:
    """The outcome, or None when it is late. Raises ApiError 503."""
    try:
        done: CommandDone | None = await services.submitter.submit(
            shard, command, services.limits.wait_s if wait_s is None else wait_s
        )
    except StoreError as error:
        raise store_trouble(error) from error
    return done


def outcome(shard: str, done: CommandDone) -> Done:
    """What was done. Raises ApiError when it was refused."""
    if done.problem is not None:
        raise of_refusal(done.problem)
    return Done(done.command, shard, done.result)


def store_trouble(error: StoreError) -> ApiError:
    """The store did not answer, or not well: come again soon, with the same key."""
    if isinstance(error, StoreLost):
        detail = "the store did not confirm it, so it may or may not be taken; ask again with the same Idempotency-Key"
    else:
        detail = "the store cannot be reached or refuses writes; nothing was taken"
    return ApiError(503, detail, name="store", retryable=True, headers={"Retry-After": "1"})


def _late(call: Call, shard: str, id: str) -> web.Response:
    location = f"{call.services.public_url}/v1/commands/{shard}/{id}"
    body = msgspec.json.encode(Late(id, shard, location))
    return web.Response(
        status=202, body=body, content_type="application/json", headers={"Location": location, "Retry-After": "1"}
    )


def as_json(value: Any) -> bytes:
    """JSON bytes of an answer."""
    return codec.to_json(value)
