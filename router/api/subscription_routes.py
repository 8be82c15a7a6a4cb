"""Subscriptions over REST: made, changed, looked into, and deliveries sent again."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Final

import msgspec
from aiohttp import web
from msgspec.structs import replace

from contracts.streams import events
from router.api.call import Call
from router.api.filters import check_types
from router.api.paging import Page, bounded
from router.api.problems import ApiError, bad_input, not_found
from router.api.subscriptions import signing
from router.api.subscriptions.model import Delivery, Health, Item, Kept, Subscription
from router.api.subscriptions.store import REDELIVERY
from router.net.guard import UrlRefused, check_url
from router.shards.tail import Entry

_MOST: Final = 100


class NewSubscription(msgspec.Struct, frozen=True):
    """Where to, and which events; empty filters take everything. ``message.*`` takes a family."""

    url: str
    name: str = ""
    types: tuple[str, ...] = ()
    conversation: str | None = None
    contact: str | None = None
    agent: str | None = None


class SubscriptionChange(msgspec.Struct, frozen=True):
    """What to change. ``enabled`` true sets a disabled one going again, from where it stopped."""

    url: str | None = None
    name: str | None = None
    types: tuple[str, ...] | None = None
    enabled: bool | None = None


class MadeSubscription(msgspec.Struct, frozen=True):
    """``secret`` is shown this once; it signs every delivery (Standard Webhooks)."""

    subscription: Subscription
    secret: str


class SubscriptionState(msgspec.Struct, frozen=True):
    """A subscription and how its endpoint does."""

    subscription: Subscription
    health: Health


class DeliveryQuery(msgspec.Struct, frozen=True):
    limit: int = 50


class Redelivery(msgspec.Struct, frozen=True):
    """The event will be sent again, apart from the order of its conversation."""

    event: str


async def list_subscriptions(call: Call) -> Page[Subscription]:
    return Page(tuple(one.subscription for one in await call.services.subscriptions.all()))


async def create_subscription(call: Call) -> MadeSubscription:
    body: NewSubscription = call.body
    _check(call, body.url, body.types)
    store = call.services.subscriptions
    if len(await store.all()) >= _MOST:
        raise ApiError(409, f"there are {_MOST} subscriptions already")
    secret = signing.new_secret()
    one = Subscription(
        id=f"sb_{secrets.token_hex(8)}", url=body.url, name=body.name, types=body.types, conversation=body.conversation,
        contact=body.contact, agent=body.agent, created_at=datetime.now(UTC),
    )  # fmt: skip
    await call.services.submitter.listen()  # the tail sleeps until somebody listens
    await store.move(one.id, call.services.tail.now())  # from this moment on nothing is missed
    await store.put(Kept(one, (secret,)))
    return MadeSubscription(one, secret)


def _check(call: Call, url: str | None, types: tuple[str, ...] | None) -> None:
    check_types(types or (), "$.types")
    try:
        if url is not None:
            check_url(url, allow_private=call.services.allow_private)
    except UrlRefused as error:
        raise bad_input(str(error), where="$.url", expected="https://... on the public internet") from None


async def get_subscription(call: Call) -> SubscriptionState:
    kept = await _kept(call)
    return SubscriptionState(kept.subscription, await call.services.subscriptions.health(kept.subscription.id))


async def _kept(call: Call) -> Kept:
    kept = await call.services.subscriptions.get(call.path("id"))
    if kept is None:
        raise not_found("subscription", call.path("id"))
    return kept


async def change_subscription(call: Call) -> Subscription:
    body: SubscriptionChange = call.body
    _check(call, body.url, body.types)
    kept = await _kept(call)
    old = kept.subscription
    new = replace(
        old,
        url=old.url if body.url is None else body.url,
        name=old.name if body.name is None else body.name,
        types=old.types if body.types is None else body.types,
        enabled=old.enabled if body.enabled is None else body.enabled,
        disabled_reason=None if body.enabled else "switched off" if body.enabled is False else old.disabled_reason,
        revision=old.revision + 1,
    )
    await call.services.subscriptions.put(replace(kept, subscription=new))
    return new


async def rotate_secret(call: Call) -> MadeSubscription:
    """A new secret; deliveries are signed with both until the next rotation, so that nothing is refused meanwhile."""
    kept = await _kept(call)
    secret = signing.new_secret()
    new = replace(kept.subscription, revision=kept.subscription.revision + 1)
    await call.services.subscriptions.put(Kept(new, (secret, kept.secrets[0])))
    return MadeSubscription(new, secret)


async def delete_subscription(call: Call) -> web.Response:
    if not await call.services.subscriptions.delete(call.path("id")):
        raise not_found("subscription", call.path("id"))
    return web.Response(status=204)


async def list_deliveries(call: Call) -> Page[Delivery]:
    """The latest attempts first; the last 200 are kept."""
    query: DeliveryQuery = call.query
    kept = await _kept(call)
    return Page(tuple(await call.services.subscriptions.deliveries(kept.subscription.id, 0, bounded(query.limit) - 1)))


async def redeliver(call: Call) -> Redelivery:
    """Sends the event of a logged delivery once more, with the same ``webhook-id``."""
    kept = await _kept(call)
    store, id = call.services.subscriptions, kept.subscription.id
    if not kept.subscription.enabled:
        raise ApiError(409, "the subscription is disabled; enable it first")
    found = [one for one in await store.deliveries(id, 0, -1) if one.id == call.path("delivery")]
    if not found:
        raise not_found("delivery", call.path("delivery"))
    await store.add(id, f"{REDELIVERY}{found[0].shard}-{found[0].entry}", await _item(call, found[0]))
    return Redelivery(found[0].event)


async def _item(call: Call, delivery: Delivery) -> Item:
    key = events(delivery.shard)
    answer = await call.services.lane.call(key, "XRANGE", key, delivery.entry, delivery.entry)
    if not answer:
        raise ApiError(410, "the event is not on its stream any more; its retention is over")
    entry = Entry(delivery.shard, delivery.entry, answer[0][1], ())
    return Item(entry.shard, entry.id, entry.type, delivery.event, entry.data)
