"""Where a rehearsal's traffic comes from: the live store's streams, a recording, or the generator; and which policy it
is compared with."""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import tomllib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from contracts.codec import CodecError, Unknown, decode_event
from contracts.events import Event, MessageQueued
from contracts.policy import Policy
from contracts.streams import DATA, DISPATCH, TYPE, conversation_shard
from router.cli.configuration import configuration
from router.cli.failure import Failure
from router.cli.reach import reach, shard_count
from router.domain.dispatch.tables import AGENTS, CURRENT, HISTORY, POLICY
from router.domain.policy.check import errors
from router.domain.policy.versions import History
from router.rehearse.day import Day
from router.rehearse.generate import ShopError, generate
from router.rehearse.lines import RecordingError, read
from router.rehearse.record import Seen, recorded, seen_answer, seen_event
from router.rehearse.shop import Shop
from router.settings import Settings, SettingsError
from router.settings.convert import convert
from router.settings.load import located, policy_of_file
from router.settings.mismatch import mismatches
from router.settings.unknown import unknown_keys
from router.shards import keys
from router.shards.entry import read_entry
from router.shards.state import StateReader
from router.store import Lane, Store

STREAM = "stream"
PAGE = 1_000
QUEUED = b"message.queued"


@dataclass(frozen=True, slots=True)
class Against:
    """A policy to compare with, and what it is called."""

    name: str
    policy: Policy


def traffic(arguments: argparse.Namespace) -> tuple[Day, str]:
    """The day, and the zone its clock is shown in.

    Raises:
        Failure: there is none, or it cannot be read.
        SettingsError: the generator's parameters are wrong, with line and column.
    """
    if arguments.generate is not None:
        shop = _shop(arguments.generate)
        try:
            return generate(shop, arguments.seed), shop.zone
        except ShopError as error:
            raise Failure(f"{arguments.generate}: {error}") from None
    day = _streamed(configuration(arguments)) if arguments.source == STREAM else _recording(arguments.source)
    if not day.cases:
        where = "the dispatch stream" if arguments.source == STREAM else arguments.source
        raise Failure(f"{where} has no conversation that asked for an agent", "try --generate - for made-up traffic")
    return day, _zone(day.policy)


def _zone(policy: Policy | None) -> str:
    """Of the policy's first calendar."""
    return next((calendar.zone for calendar in (policy or Policy()).calendars.values()), "UTC")


def against(arguments: argparse.Namespace, day: Day) -> Against:
    """What the rehearsed policy is compared with.

    Raises:
        Failure: the recording's policy is not valid any more.
        SettingsError: what is wrong with the file.
    """
    if arguments.against != "current":
        _, policy, _ = policy_of_file(pathlib.Path(arguments.against))
        return Against(arguments.against, policy)
    if day.policy is None:
        return Against("the configuration's", configuration(arguments).policy)
    wrong = errors(day.policy)
    if wrong:
        raise Failure(f"the recording's policy is not valid here: {wrong[0]}", "name another with --against FILE")
    return Against(f"number {day.number}", day.policy)


# -- a recording -------------------------------------------------------------------------------------------------------


def _recording(name: str) -> Day:
    try:
        with open(name, "rb") as file:
            return read(file)
    except OSError as error:
        raise Failure(f"{name} cannot be read ({error.strerror})") from None
    except RecordingError as error:
        raise Failure(f"{name}: {error}") from None


# -- the generator -----------------------------------------------------------------------------------------------------


def _shop(name: str) -> Shop:
    if name == "-":
        return Shop()
    try:
        text = pathlib.Path(name).read_text("utf-8")
        raw = tomllib.loads(text)
    except OSError as error:
        raise Failure(f"{name} cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failure(f"{name} is no TOML: {error}") from None
    problems = [*unknown_keys(raw, Shop, ()), *mismatches(raw, Shop, ())]
    if problems:
        raise SettingsError([located(problem, text, name) for problem in problems])
    return convert(raw, Shop)


# -- the live store ----------------------------------------------------------------------------------------------------


def _streamed(settings: Settings) -> Day:
    return asyncio.run(_stream(settings))


async def _stream(settings: Settings) -> Day:
    async with reach(settings) as store:
        return await streamed(store, await shard_count(store, settings))


async def streamed(store: Store, shards: int) -> Day:
    """What the dispatch shard's commands and events tell, and of conversations when agents wrote; changes nothing."""
    reader = StateReader(store, shards)
    lane = store.lane("cli")
    entries = [seen async for seen in _seen(lane)]
    for number in range(shards):
        entries += [seen async for seen in _answers(lane, keys.events(conversation_shard(number)))]
    agents = await reader.rows(DISPATCH, AGENTS)
    policy = await reader.get(DISPATCH, POLICY, CURRENT) or Policy()
    history = await reader.get(DISPATCH, HISTORY, CURRENT) or History()
    return recorded(entries, agents, policy, history.number)


async def _seen(lane: Lane) -> AsyncIterator[Seen]:
    async for id, fields in _entries(lane, keys.commands(DISPATCH)):
        received = read_entry(id, fields)
        if received.command is not None:
            yield Seen(received.at_ms, int(received.id.partition("-")[2]), 0, received.command)
    async for _, fields in _entries(lane, keys.events(DISPATCH)):
        event = _event(dict(zip(fields[::2], fields[1::2], strict=True)).get(DATA.encode(), b""))
        seen = seen_event(event) if event is not None else None
        if seen is not None:
            yield seen


async def _answers(lane: Lane, key: str) -> AsyncIterator[Seen]:
    """When somebody wrote to the customer; what they wrote is let go at once."""
    async for _, fields in _entries(lane, key):
        told = dict(zip(fields[::2], fields[1::2], strict=True))
        if told.get(TYPE.encode()) == QUEUED:
            event = _event(told.get(DATA.encode(), b""))
            seen = seen_answer(event) if isinstance(event, MessageQueued) else None
            if seen is not None:
                yield seen


async def _entries(lane: Lane, key: str) -> AsyncIterator[tuple[bytes, list[bytes]]]:
    position = b"-"
    while page := await lane.call(key, "XRANGE", key, position, "+", "COUNT", PAGE):
        for id, fields in page:
            yield id, fields
        position = b"(" + page[-1][0]


def _event(data: bytes) -> Event | None:
    try:
        found: Any = decode_event(data)
    except CodecError:
        return None
    return None if isinstance(found, Unknown) else found
