"""One delivery: signed, posted, judged. What the endpoint says in its body is not kept and not shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import aiohttp

from router.api.subscriptions import schedule, signing
from router.api.subscriptions.model import Item, Kept
from router.net.guard import Forbidden, UrlRefused, check_url

TIMEOUT_S: Final = 15.0
_MOST_ANSWER: Final = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt. ``gone``: the endpoint asked never to be called again."""

    ok: bool
    status: int | None = None
    problem: str | None = None
    retry_after_s: float | None = None
    gone: bool = False


class Sender:
    """Posts over a session of :func:`router.net.guard.session`."""

    def __init__(self, session: aiohttp.ClientSession, *, allow_private: bool = False) -> None:
        self._session = session
        self._allow_private = allow_private

    async def send(self, kept: Kept, item: Item, now: datetime | None = None) -> Answer:
        """One attempt, within 15 seconds. Never raises for what the endpoint or the network does."""
        moment = now or datetime.now(UTC)
        body = signing.body_of(item.data)
        headers = signing.headers(signing.webhook_id(item.event), int(moment.timestamp()), body, kept.secrets)
        headers |= {"Content-Type": "application/json", "User-Agent": "madoguchi-webhooks/1"}
        try:
            check_url(kept.subscription.url, allow_private=self._allow_private)
            async with asyncio.timeout(TIMEOUT_S):
                return await self._post(kept.subscription.url, body, headers, moment)
        except (Forbidden, UrlRefused) as error:
            return Answer(False, problem=str(error))
        except TimeoutError:
            return Answer(False, problem=f"no answer within {TIMEOUT_S:.0f} seconds")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(False, problem=_say(error))

    async def _post(self, url: str, body: bytes, headers: dict[str, str], now: datetime) -> Answer:
        async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            # Read a little, so that the connection can be used again; more than that ends it.
            await response.content.read(_MOST_ANSWER)
            return judge(response.status, response.headers.get("Retry-After"), now)


def judge(status: int, retry_after: str | None, now: datetime) -> Answer:
    """2xx is taken; 410 ends the subscription; everything else, redirects too, is a failure."""
    if 200 <= status < 300:
        return Answer(True, status)
    wait = schedule.retry_after(retry_after, now)
    if status == 410:
        return Answer(False, status, "the endpoint says that it is gone (410)", gone=True)
    if 300 <= status < 400:
        return Answer(False, status, f"the endpoint answered {status}; redirects are not followed", wait)
    return Answer(False, status, f"the endpoint answered {status}", wait)


def _say(error: Exception) -> str:
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, Forbidden):
            return str(inner)
        inner = getattr(inner, "os_error", None) or inner.__cause__
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "the endpoint's certificate was not accepted"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "no connection to the endpoint"
    return f"the exchange with the endpoint broke off ({type(error).__name__})"
