"""HTTP intake: limit, verify the raw bytes, parse, append, answer. In this order, for every connector.

The hot path of the service; see ``tests/bench``. Nothing here knows a channel.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
from aiohttp import web

from connectors.api import Batch, Ignored, Malformed, NotAccepted, Refused, Request, Response, Verified
from router.accounts import Account, Accounts
from router.edge.invitations import Invitations
from router.edge.publish import Publisher
from router.observe.metrics import Metrics

log = structlog.get_logger("madoguchi.edge")

_NO_QUERY: Final[dict[str, str]] = {}
_NO_SUPPLIES: Final[dict[str, bytes]] = {}
PREFIX: Final = "/in/"
_SLOWEST: Final = 16_384
"""Bytes a second of a body that is still worth waiting for."""


class Intake:
    """Answers everything under ``/in/<account>``."""

    def __init__(
        self,
        accounts: Accounts,
        publisher: Publisher,
        metrics: Metrics,
        *,
        body_timeout_s: float = 10.0,
        invitations: Invitations | None = None,
    ) -> None:
        self._invitations = invitations
        self._accounts = accounts
        self._publisher = publisher
        self._body_timeout_s = body_timeout_s
        self._metrics = metrics

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer for the provider. A fault of the sender never becomes a 5xx."""
        name, slash, tail = request.path[len(PREFIX) :].partition("/")
        account = self._accounts.get(name)
        if account is None:
            return web.Response(status=404, text="no such account\n")
        began = time.perf_counter()
        answer = await self._answer(account, request, slash + tail)
        self._metrics.intake[name, answer.status] += 1
        self._metrics.intake_seconds.observe(time.perf_counter() - began)
        return answer

    async def _answer(self, account: Account, request: web.BaseRequest, path: str) -> web.Response:
        if not account.admits():
            return web.Response(status=429, text="too many requests\n", headers={"Retry-After": "1"})
        body = await self._body(request, account)
        if isinstance(body, web.Response):
            return body
        return await self._take(account, make_request(request, account, path, body))

    async def _body(self, request: web.BaseRequest, account: Account) -> bytes | web.Response:
        if "Content-Encoding" in request.headers:
            # Signatures are over the bytes as sent, and a small body could become an enormous one.
            return web.Response(status=415, text="send the body without Content-Encoding\n")
        most = account.connector.manifest.max_body
        if (request.content_length or 0) > most:
            return _too_large(most)
        if not request.body_exists:
            return b""
        if request.content.is_eof():  # it came with the headers, as nearly all do: no time-out is needed
            body = request.content.read_nowait(-1)
            return body if len(body) <= most else _too_large(most)
        try:
            return await _read(request, most, self._body_timeout_s)
        except TimeoutError:
            return web.Response(status=408, text="the body did not arrive in time\n", headers={"Connection": "close"})
        except _TooLarge:
            return _too_large(most)

    async def _take(self, account: Account, request: Request) -> web.Response:
        connector = account.connector
        try:
            answered = connector.handshake(request)
            if answered is not None:
                return respond(answered)
            verified = connector.verify(request)
            if isinstance(verified, Refused) and verified.renew is not None:
                verified = await _again(account, request, verified)
        except Exception as error:
            log.error("connector.failed", account=account.name, error=type(error).__name__)
            return self._refuse(account, Refused(f"the connector failed: {type(error).__name__}", 400))
        if isinstance(verified, Refused):
            return self._refuse(account, verified)
        parsed = _parse(account, request)
        try:
            return respond(await self._publish(account, request, parsed))
        except NotAccepted as error:
            retry = str(max(1, round(error.retry_after_s)))
            return web.Response(status=503, text="not accepted, send it again\n", headers={"Retry-After": retry})

    @staticmethod
    def _refuse(account: Account, refused: Refused) -> web.Response:
        log.info("request.refused", account=account.name, reason=refused.reason, status=refused.status)
        return web.Response(status=refused.status)

    async def _publish(self, account: Account, request: Request, parsed: Any) -> Response:
        if isinstance(parsed, Batch):
            try:
                await self._publisher.publish(account, parsed)
            except (TypeError, ValueError, OverflowError) as error:  # events that no stream can hold
                log.error("connector.failed", account=account.name, error=type(error).__name__)
                parsed = Malformed(f"an event cannot be written: {type(error).__name__}")
            else:
                self._metrics.received[account.name] += len(parsed.events)
                if parsed.invite is not None and self._invitations is not None:
                    self._invitations.begin(account, parsed.invite)
                return parsed.response
        if isinstance(parsed, Ignored):
            return parsed.response
        # It is genuine, so an error would only make the provider send it again and again.
        await self._publisher.quarantine(account, parsed.reason, request.body)
        return Response(200) if parsed.status == 400 else Response(parsed.status)


async def _again(account: Account, request: Request, refused: Refused) -> Verified | Refused:
    """Verified anew with what was missing or out of date (the provider's keys). A provider that is genuine comes again
    when it cannot be had at the moment."""
    name, supplies = refused.renew or "", account.supplies
    if supplies is None:
        return refused
    await supplies.renew(name)
    known = supplies.known()
    if known.get(name) != request.supplied.get(name):
        return account.connector.verify(msgspec.structs.replace(request, supplied=known))
    return refused if name in known else Refused(f"{name} cannot be had at the moment", 503)


def _parse(account: Account, request: Request) -> Any:
    """What the connector makes of it. A connector that raises has a bug; the payload is kept like a malformed one."""
    try:
        parsed: Any = account.connector.parse(request)
    except Exception as error:
        log.error("connector.failed", account=account.name, error=type(error).__name__)
        return Malformed(f"the connector failed: {type(error).__name__}")
    if isinstance(parsed, Batch | Ignored | Malformed):
        return parsed
    return Malformed("the connector gave no answer that is one")


def make_request(request: web.BaseRequest, account: Account, path: str, body: bytes) -> Request:
    """The request as a value."""
    query: Mapping[str, str] = request.query if request.query_string else _NO_QUERY
    url = account.public_url + path
    return Request(
        request.method,
        path,
        query,
        request.headers,
        body,
        datetime.now(UTC),
        f"{url}?{request.query_string}" if request.query_string else url,
        request.remote,
        _NO_SUPPLIES if account.supplies is None else account.supplies.known(),
    )


def respond(answer: Response) -> web.Response:
    """A connector's answer for aiohttp."""
    if not answer.body and not answer.headers:
        return web.Response(status=answer.status)
    return web.Response(
        status=answer.status, body=answer.body, headers={**answer.headers, "Content-Type": answer.media_type}
    )


class _TooLarge(Exception):
    pass


def _too_large(most: int) -> web.Response:
    return web.Response(status=413, text=f"at most {most} bytes\n", headers={"Connection": "close"})


async def _read(request: web.BaseRequest, most: int, patience_s: float) -> bytes:
    """The body. What has come buys more time: a file over a slow line is taken, a byte a second is not."""
    began, size = asyncio.get_running_loop().time(), 0
    pieces: list[bytes] = []
    while not request.content.at_eof():
        async with asyncio.timeout_at(began + patience_s + size / _SLOWEST):
            piece = await request.content.readany()
        size += len(piece)
        if size > most:
            raise _TooLarge
        pieces.append(piece)
    return b"".join(pieces)
