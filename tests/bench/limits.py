"""The limits of the machine, measured in the same run: what no service on these parts can beat."""

from __future__ import annotations

import asyncio
import sys
import time

import uvloop
from aiohttp import web

from router.store.settings import Durability, StoreSettings
from router.store.store import Store


async def empty(request: web.BaseRequest) -> web.Response:
    """Reads the body and does nothing."""
    await request.read()
    return web.Response()


async def serve_http(port: int) -> None:
    """aiohttp on uvloop in one process: an Application with one route, no access log."""
    app = web.Application()
    app.router.add_post("/in/line", empty)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


async def append_rate(url: str, seconds: float = 2.0, together: int = 256) -> float:
    """Durable appends of 600 bytes a second: one connection, as many together as an edge under load has."""
    store = await Store.open(StoreSettings(url=url, durability=Durability.DISK))
    lane = store.lane("limit", durable=True)
    body, done, began = b"x" * 600, 0, time.perf_counter()
    try:
        while time.perf_counter() - began < seconds:
            calls = [
                lane.call("limit", "XADD", "limit:{x}", "MAXLEN", "~", 10_000, "*", "data", body)
                for _ in range(together)
            ]
            await asyncio.gather(*calls)
            done += together
        return done / (time.perf_counter() - began)
    finally:
        await store.client.delete("limit:{x}")
        await store.close()


if __name__ == "__main__":
    uvloop.run(serve_http(int(sys.argv[1])))
