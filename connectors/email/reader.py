"""Reads mails without ever stalling the event loop: small ones at once, the others in a process that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from typing import Final

import msgspec

from connectors.api import Batch
from connectors.email.inbound import Envelope, Mailbox, parse_mail, quarantined
from connectors.email.job import Job
from connectors.email.limits import inline

WALL_S: Final = 10.0
START_S: Final = 20.0
IDLE_S: Final = 60.0
_ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LANG", "LC_ALL", "SYSTEMROOT")
"""What the worker is given of ours: it reads strangers' mail and needs none of our secrets."""


class Reader:
    """Reads mails for one account; its worker process starts when first needed and ends when idle."""

    def __init__(self, mailbox: Mailbox, wall_s: float = WALL_S) -> None:
        self.mailbox = mailbox
        self._wall_s = wall_s
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._bedtime: asyncio.TimerHandle | None = None
        self._decoder = msgspec.msgpack.Decoder(Batch)

    async def read(self, raw: bytes, envelope: Envelope) -> Batch:
        """What the mail says. Never raises for the mail's sake."""
        if len(raw) > self.mailbox.message_bytes or inline(raw):
            return parse_mail(raw, envelope, self.mailbox)
        async with self._turn:
            try:
                return await self._ask(Job(raw, envelope, self.mailbox))
            except (OSError, EOFError, TimeoutError, msgspec.MsgspecError):
                self._kill()
                # In a thread, because the id of a mail without one is a hash of all of it.
                why = "reading it took too much time or memory"
                return await asyncio.to_thread(quarantined, raw, envelope, self.mailbox, why)
            except BaseException:
                self._kill()  # cancelled in the middle of a frame: the next answer would be this mail's
                raise
            finally:
                self._wait_for_more()

    async def close(self) -> None:
        """Ends the worker; may be called twice."""
        process = self._process
        self._kill()
        if process is not None:
            await process.wait()

    async def _ask(self, job: Job) -> Batch:
        process = await self._worker()
        data = msgspec.msgpack.encode(job)
        async with asyncio.timeout(self._wall_s):
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(struct.pack(">I", len(data)))
            process.stdin.write(data)
            await process.stdin.drain()
            (size,) = struct.unpack(">I", await process.stdout.readexactly(4))
            return self._decoder.decode(await process.stdout.readexactly(size))

    async def _worker(self) -> Process:
        if self._bedtime is not None:
            self._bedtime.cancel()
            self._bedtime = None
        if self._process is None or self._process.returncode is not None:
            environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
            command = (sys.executable, "-m", "connectors.email.worker")
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment
            )
            await self._warm(self._process)
        return self._process

    async def _warm(self, process: Process) -> None:
        """Waits for the interpreter to be up, so that a busy machine's slow start is not held against a mail."""
        data = msgspec.msgpack.encode(Job(b"", Envelope(), self.mailbox))
        async with asyncio.timeout(START_S):
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(struct.pack(">I", len(data)) + data)
            (size,) = struct.unpack(">I", await process.stdout.readexactly(4))
            await process.stdout.readexactly(size)

    def _wait_for_more(self) -> None:
        if self._process is not None:
            self._bedtime = asyncio.get_running_loop().call_later(IDLE_S, self._kill)

    def _kill(self) -> None:
        if self._bedtime is not None:
            self._bedtime.cancel()
            self._bedtime = None
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
