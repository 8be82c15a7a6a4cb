"""Stands in for the providers in the demonstration: takes the answers that leave, shows them, sends nothing on."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from aiohttp import web

from router.settings import Settings

_HOST = "127.0.0.1"
_LONGEST = 1_000_000


@contextlib.asynccontextmanager
async def catching(settings: Settings) -> AsyncIterator[None]:
    """While the block runs, mail and provider calls of the demonstration's accounts arrive here."""
    async with contextlib.AsyncExitStack() as stack:
        if mail := settings.accounts.get("mail"):
            await stack.enter_async_context(_mail(int(mail.options.get("smtp_port", 2526))))
        if line := settings.accounts.get("line"):
            await stack.enter_async_context(_provider(_port_of(str(line.options.get("api_base", "")))))
        yield


def _port_of(url: str) -> int:
    return int(url.partition("://")[2].partition("/")[0].partition(":")[2] or 2580)


def _show(channel: str, address: str, text: str) -> None:
    """On the terminal of whoever tries it out; it is no log."""
    print(f"  -> {channel} to {address}: {text.strip()[:200]}", flush=True)


# -- mail -----------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _mail(port: int) -> AsyncIterator[None]:
    try:
        server = await asyncio.start_server(_answer_smtp, _HOST, port, limit=_LONGEST)
    except OSError:
        print(f"  (port {port} is in use: answers by email will not be shown)")
        yield
        return
    async with server:
        yield


async def _answer_smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As much SMTP as one sender needs."""
    recipients: list[str] = []
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ValueError):
        async with asyncio.timeout(300):
            await _say(writer, "220 quickstart")
            while line := (await reader.readline()).decode("utf-8", "replace").strip():
                if line.upper().startswith("RCPT TO:"):
                    recipients.append(line[8:].partition(">")[0].strip(" <"))
                if line.upper() == "DATA":
                    await _say(writer, "354 go on")
                    _show_mail(recipients, await reader.readuntil(b"\r\n.\r\n"))
                    recipients = []
                await _say(writer, "221 bye" if line.upper() == "QUIT" else "250 ok")
                if line.upper() == "QUIT":
                    break
    writer.close()


async def _say(writer: asyncio.StreamWriter, line: str) -> None:
    writer.write(f"{line}\r\n".encode())
    await writer.drain()


def _show_mail(recipients: list[str], data: bytes) -> None:
    message = email.message_from_bytes(data, policy=email.policy.default)
    body = message.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    _show("email", ", ".join(recipients), f"[{message.get('subject', '')}] {text}")


# -- LINE and webhook -----------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _provider(port: int) -> AsyncIterator[None]:
    app = web.Application(client_max_size=_LONGEST)
    app.router.add_route("*", "/{channel:line|hook}{rest:.*}", _answer_http)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, _HOST, port).start()
    except OSError:
        print(f"  (port {port} is in use: answers by LINE and webhook will not be shown)")
    try:
        yield
    finally:
        await runner.cleanup()


async def _answer_http(request: web.Request) -> web.Response:
    body = _json(await request.read())
    if request.method == "GET" and "/profile/" in request.path:
        return web.json_response({"userId": request.path.rpartition("/")[2], "displayName": "太郎 (LINE)"})
    for text in _texts(body):
        _show(request.match_info["channel"], str(body.get("to", "")) or "the customer", text)
    return web.json_response({"sentMessages": [{"id": "1"}]})


def _json(data: bytes) -> dict[str, Any]:
    with contextlib.suppress(msgspec.DecodeError):
        value = msgspec.json.decode(data)
        return value if isinstance(value, dict) else {}
    return {}


def _texts(body: Any) -> list[str]:
    """Every ``text`` in it, wherever the provider's form has it."""
    if isinstance(body, list):
        return [text for item in body for text in _texts(item)]
    if not isinstance(body, dict):
        return []
    own = [body["text"]] if isinstance(body.get("text"), str) else []
    return own + [text for value in body.values() for text in _texts(value)]
