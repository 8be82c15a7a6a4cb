"""``madoguchi why``: why a conversation was given to somebody, or to nobody, in sentences."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Mapping

import msgspec

from contracts.codec import iso
from contracts.conversation import Conversation
from contracts.decision import Decision
from contracts.ids import IdError, shard_of
from contracts.streams import DISPATCH, conversation_shard
from router.cli.configuration import config_option, configuration
from router.cli.failure import Failure, Misused
from router.cli.reach import reach, shard_count
from router.cli.show import json_option, print_json
from router.domain.conversation.tables import CONVERSATION
from router.domain.dispatch.tables import DECISIONS, WHY
from router.domain.why.story import Step, promises, story
from router.settings import Settings
from router.shards.state import StateReader


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is printed: the same as the API's answer."""

    conversation: str
    steps: tuple[Step, ...]
    queue: str | None = None
    agent: str | None = None
    promises: tuple[str, ...] = ()


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("conversation", help="its id: cv_...")
    parser.add_argument("--language", help="en or ja; default: the terminal's")
    parser.add_argument("--limit", type=int, default=50, help="the latest steps; default: 50")
    config_option(parser)
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.limit < 1:
        raise Misused(f"--limit {arguments.limit} shows nothing; it must be at least 1")
    settings = configuration(arguments)
    told = asyncio.run(_told(settings, arguments))
    if arguments.json:
        print_json(told)
    else:
        _print(told)
    return 0


def language_of(asked: str | None, environ: Mapping[str, str]) -> str:
    """As asked for, else as the terminal speaks.

    Raises:
        Misused: it is neither English nor Japanese.
    """
    if asked is not None:
        stem = asked.lower().replace("_", "-").partition("-")[0]
        if stem not in ("en", "ja"):
            raise Misused(f"--language {asked!r} is not spoken here; en and ja are")
        return stem
    found = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "en")
    return "ja" if found.lower().startswith("ja") else "en"


async def _told(settings: Settings, arguments: argparse.Namespace) -> Told:
    language, id = language_of(arguments.language, os.environ), arguments.conversation
    async with reach(settings) as store:
        reader = StateReader(store, await shard_count(store, settings))
        conversation = await _conversation(reader, id)
        named = await reader.log(DISPATCH, WHY, id, -arguments.limit, -1)
        found: list[Decision | None] = await reader.many([(DISPATCH, DECISIONS, one) for one in named])
    steps = story([decision for decision in found if decision is not None], language)
    said = promises(conversation.sla, language)
    return Told(id, tuple(steps), conversation.queue, conversation.agent, tuple(said))


async def _conversation(reader: StateReader, id: str) -> Conversation:
    try:
        number = shard_of(id)
    except IdError:
        raise Failure(
            f"{id!r} is no id of a conversation", "they look like cv_07_01jd..., see GET /v1/conversations"
        ) from None
    found: Conversation | None = None
    if number < reader.shards:
        found = await reader.get(conversation_shard(number), CONVERSATION, id)
    if found is None:
        raise Failure(f"there is no conversation {id!r}", "GET /v1/conversations lists them")
    return found


def _print(told: Told) -> None:
    for step in told.steps:
        print(f"{iso(step.at)}  {step.sentence}")
        for detail in step.details:
            print(f"    {detail}")
    if not told.steps:
        print("it was never routed, or more than 30 days ago")
    for promise in told.promises:
        print(promise)
