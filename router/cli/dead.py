"""``madoguchi dead``: commands that could not be carried out. They are kept with their bytes and the reason."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from contracts.codec import CodecError, Unknown, decode_command, encode, iso, moment, tag_of, to_plain
from contracts.commands import Command
from contracts.streams import all_shards
from router.cli.configuration import config_option, configuration
from router.cli.failure import Failure
from router.cli.reach import reach, shard_count
from router.cli.show import Row, json_option, print_json, show
from router.settings import Settings
from router.shards import keys
from router.shards.entry import DATA, RAW
from router.store import Lane, Store

Fields = dict[bytes, bytes]


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="of every shard, oldest first")
    listing.add_argument("--limit", type=int, default=100, help="of each shard; default: 100")
    one = actions.add_parser("show", help="one of them, whole; it may hold what a customer wrote")
    replay = actions.add_parser("replay", help="give it to its shard once more")
    replay.add_argument("--all", action="store_true", help="every one of the shard")
    for below in (one, replay):
        below.add_argument("shard", help="for example c:07")
        below.add_argument("id", nargs="?" if below is replay else None, help="as the list shows it")
    for below in (listing, one, replay):
        config_option(below)
        json_option(below)


def run(arguments: argparse.Namespace) -> int:
    action = {"list": _list, "show": _show, "replay": _replay}[arguments.action]
    asyncio.run(action(configuration(arguments), arguments))
    return 0


async def _list(settings: Settings, arguments: argparse.Namespace) -> None:
    async with reach(settings) as store:
        lane = store.lane("cli")
        rows = [
            _row(shard, id, fields)
            for shard in all_shards(await shard_count(store, settings))
            async for id, fields in _entries(lane, shard, arguments.limit)
        ]
    show(rows, arguments.json, "no dead letters")


def _row(shard: str, id: str, fields: Fields) -> Row:
    """Without the reason's end, which may quote what it choked on."""
    return {
        "shard": shard,
        "id": id,
        "at": iso(moment(int(id.partition("-")[0]))),
        "type": _type(fields.get(DATA, b"")),
        "bytes": len(fields.get(DATA, b"")),
        "reason": fields.get(b"reason", b"").decode("utf-8", "replace").partition("\n")[0][:100],
    }


def _type(data: bytes) -> str:
    try:
        command = decode_command(data)
    except CodecError:
        return "unreadable"
    return command.type if isinstance(command, Unknown) else tag_of(command)


async def _show(settings: Settings, arguments: argparse.Namespace) -> None:
    async with reach(settings) as store:
        await _known(store, settings, arguments.shard)
        fields = await _entry(store.lane("cli"), arguments.shard, arguments.id)
    told = _row(arguments.shard, arguments.id, fields) | {
        "reason": fields.get(b"reason", b"").decode("utf-8", "replace")
    }
    told |= {
        "command": _readable(fields.get(DATA, b"")),
        "raw": fields.get(RAW, b"").decode("utf-8", "replace") or None,
    }
    if arguments.json:
        print_json(told)
    else:
        for name, value in told.items():
            print(f"{name:8} {value}")


def _readable(data: bytes) -> Any:
    try:
        return to_plain(msgspec.msgpack.decode(data))
    except (msgspec.DecodeError, RecursionError):
        return data.hex()


async def _replay(settings: Settings, arguments: argparse.Namespace) -> None:
    if bool(arguments.all) == bool(arguments.id):
        raise Failure("which one?", "give its id, or --all")
    async with reach(settings) as store:
        await _known(store, settings, arguments.shard)
        lane = store.lane("cli", durable=True)
        if arguments.all:
            found = [entry async for entry in _entries(lane, arguments.shard, 10_000)]
        else:
            found = [(arguments.id, await _entry(lane, arguments.shard, arguments.id))]
        for id, fields in found:
            await _again(lane, arguments.shard, id, fields)
    if arguments.json:
        print_json({"replayed": len(found)})
    else:
        print(f"replayed {len(found)}; what fails again comes back to the list")


async def _again(lane: Lane, shard: str, id: str, fields: Fields) -> None:
    """First appended, then taken off: a crash in between leaves it in the list, and nothing is lost."""
    key = keys.commands(shard)
    raw = (RAW, fields[RAW]) if RAW in fields else ()
    await lane.call(key, "XADD", key, "*", DATA, _fresh(fields.get(DATA, b"")), *raw)
    await lane.call(keys.dead(shard), "XDEL", keys.dead(shard), id)


def _fresh(data: bytes) -> bytes:
    """Without its command id: the shard remembers that one as failed, and would only say so again."""
    try:
        command = decode_command(data)
    except CodecError:
        return data
    if isinstance(command, Command) and command.id is not None:
        return encode(msgspec.structs.replace(command, id=None))
    return data


async def _entry(lane: Lane, shard: str, id: str) -> Fields:
    key = keys.dead(shard)
    if not all(part.isascii() and part.isdigit() for part in id.split("-", 1)):
        raise Failure(f"{id!r} is no id of a dead letter", "madoguchi dead list shows them")
    for _, flat in await lane.call(key, "XRANGE", key, id, id):
        return _fields(flat)
    raise Failure(f"{shard} has no dead letter {id}", "madoguchi dead list shows them")


async def _entries(lane: Lane, shard: str, limit: int) -> AsyncIterator[tuple[str, Fields]]:
    key = keys.dead(shard)
    for id, flat in await lane.call(key, "XRANGE", key, "-", "+", "COUNT", max(1, limit)):
        yield id.decode(), _fields(flat)


def _fields(flat: list[bytes]) -> Fields:
    return dict(zip(flat[::2], flat[1::2], strict=True))


async def _known(store: Store, settings: Settings, shard: str) -> None:
    shards = all_shards(await shard_count(store, settings))
    if shard not in shards:
        raise Failure(f"there is no shard {shard!r}", f"they are {shards[0]} to {shards[-2]}, and {shards[-1]}")
