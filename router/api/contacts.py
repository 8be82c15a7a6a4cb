"""Contacts: finding them, and linking, unlinking and merging with a record of who and why."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from contracts import commands, ids, streams
from contracts.contact import Contact
from contracts.identity import Claims, Identity
from router.api import find, writes
from router.api.call import Call
from router.api.conversations import check_attributes
from router.api.paging import Page
from router.api.problems import bad_input
from router.api.tables import CLAIM, IDENTITY

Written = writes.Done | web.Response


class ContactQuery(msgspec.Struct, frozen=True):
    """By an identity (``channel``, ``account`` and ``address``), or by a verified ``email`` or ``phone``."""

    channel: str | None = None
    account: str | None = None
    address: str | None = None
    email: str | None = None
    phone: str | None = None


class ContactChange(msgspec.Struct, frozen=True):
    """What to set; an attribute set to null is removed. ``external_id``: the customer's id in your own system."""

    name: str | None = None
    language: str | None = None
    tags: tuple[str, ...] | None = None
    attributes: dict[str, str | None] = {}
    external_id: str | None = None


class NewLink(msgspec.Struct, frozen=True):
    """An identity that is this person's, and how you know."""

    channel: str
    account: str
    address: str
    why: str


class Merging(msgspec.Struct, frozen=True):
    """The contact that stays, and how you know that both are one person."""

    into: str
    why: str


async def find_contacts(call: Call) -> Page[Contact]:
    """None or one: identities and verified claims belong to one person."""
    query: ContactQuery = call.query
    id = await _named(call, query)
    return Page(()) if id is None else Page((await find.living_contact(call.services, id),))


async def _named(call: Call, query: ContactQuery) -> str | None:
    by_identity = (query.channel, query.account, query.address)
    given = [by_identity != (None, None, None), query.email is not None, query.phone is not None]
    if sum(given) != 1 or (given[0] and None in by_identity):
        raise bad_input(
            "say whom to look for", where="?", expected="channel, account and address; or email; or phone", status=400
        )
    if given[0]:
        return await _by_identity(call, *by_identity)
    claim = (
        f"email:{query.email.strip().lower()}" if query.email is not None else f"phone:{(query.phone or '').strip()}"
    )
    return await _by_claim(call, claim)


async def _by_identity(call: Call, channel: Any, account: Any, address: Any) -> str | None:
    key = ids.identity_key(channel, account, address)
    found = await call.services.state.get(_shard_for(call, key), IDENTITY, key)
    return None if found is None else found.contact


async def _by_claim(call: Call, claim: str) -> str | None:
    found = await call.services.state.get(_shard_for(call, claim), CLAIM, claim)
    return None if found is None else found.contact


def _shard_for(call: Call, text: str) -> str:
    return streams.conversation_shard(ids.shard_for(text, call.services.state.shards))


async def get_contact(call: Call) -> Contact:
    """As it stands; ``merged_into`` names the one that took its place."""
    return await find.contact(call.services, call.path("id"))


async def update_contact(call: Call) -> Written:
    body: ContactChange = call.body
    _check_change(body)
    claims = None if body.external_id is None else Claims(external_id=body.external_id)
    id = await writes.command_id(call)
    command = commands.UpdateContact(
        id=id, by=call.token.by, contact=call.path("id"), name=body.name, language=body.language, tags=body.tags,
        attributes=body.attributes, claims=claims,
    )  # fmt: skip
    return await _to_contact(call, command)


def _check_change(body: ContactChange) -> None:
    if body == ContactChange():
        raise bad_input(
            "nothing is to be changed", where="$", expected="name, language, tags, attributes or external_id"
        )
    if body.attributes:
        check_attributes(body.attributes)
    for name, value in (("name", body.name), ("language", body.language), ("external_id", body.external_id)):
        if value is not None and len(value) > 500:
            raise bad_input("this is longer than 500 characters", where=f"$.{name}")


async def link_identity(call: Call) -> Written:
    body: NewLink = call.body
    _check_why(body.why)
    id = await writes.command_id(call)
    identity = Identity(body.channel, body.account, body.address, call.path("id"), linked_by="agent")
    command = commands.LinkIdentity(id=id, by=call.token.by, contact=call.path("id"), identity=identity, why=body.why)
    return await _to_contact(call, command)


async def unlink_identity(call: Call) -> Written:
    body: NewLink = call.body
    _check_why(body.why)
    id = await writes.command_id(call)
    command = commands.UnlinkIdentity(
        id=id, by=call.token.by, contact=call.path("id"), channel=body.channel, account=body.account,
        address=body.address, why=body.why,
    )  # fmt: skip
    return await _to_contact(call, command)


async def merge_contact(call: Call) -> Written:
    body: Merging = call.body
    _check_why(body.why)
    find.shard_of_contact(call.services, body.into)
    if body.into == call.path("id"):
        raise bad_input("a contact cannot be merged into itself", where="$.into", expected="another contact's id")
    id = await writes.command_id(call)
    command = commands.MergeContact(
        id=id, by=call.token.by, contact=call.path("id"), into=body.into, why=body.why, linked_by="agent"
    )
    return await _to_contact(call, command)


def _check_why(why: str) -> None:
    if not 1 <= len(why.strip()) <= 500:
        raise bad_input("say why, in 1 to 500 characters", where="$.why", expected="a sentence")


async def _to_contact(call: Call, command: commands.Command) -> Written:
    return await writes.carry_out(call, find.shard_of_contact(call.services, call.path("id")), command)
