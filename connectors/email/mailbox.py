"""Reads a mailbox by IMAP. The only file that knows aioimaplib (GPL-3.0-only, an extra), and the only one to replace.

What is saved is (UIDVALIDITY, UID), after the mail is durable and never before: whatever stops us, the next start goes
on behind the last mail that was taken. IDLE is only a hint that it is time to look. The library wedges for good when a
command times out or is cancelled, so its client is thrown away whenever anything at all went wrong.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from connectors.api import NotAccepted, Sink
from connectors.email.inbound import Envelope, quarantined
from connectors.email.limits import HEADER_BLOCK_BYTES
from connectors.email.reader import Reader
from connectors.email.settings import EmailSettings

T = TypeVar("T")

COMMAND_S: Final = 30.0
FETCH_S: Final = 300.0
IDLE_S: Final = 300.0
FIRST_IDLE_S: Final = 20.0
"""After mail was taken: news that came between the last search and IDLE is lost in the library."""
POLL_S: Final = 60.0
BATCH: Final = 100
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 300.0

_UIDVALIDITY: Final = re.compile(rb"\[UIDVALIDITY (\d+)\]", re.I)
_UIDNEXT: Final = re.compile(rb"\[UIDNEXT (\d+)\]", re.I)
_UID: Final = re.compile(rb"\bUID (\d+)", re.I)
_SIZE: Final = re.compile(rb"\bRFC822\.SIZE (\d+)", re.I)
_DATE: Final = re.compile(rb'\bINTERNALDATE "([^"]{10,40})"', re.I)
_QUOTED: Final = re.compile(rb'BODY\[\](?:<\d+>)? "((?:[^"\\]|\\.)*)"', re.I)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Trouble(Exception):
    """The mailbox cannot be read now; ``reason`` for people, ``wait_s`` the least time before trying again."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s


class Cursor(msgspec.Struct, frozen=True):
    """How far a folder was taken: every mail up to ``uid`` under this ``uidvalidity``, the latest of them ``at``."""

    uidvalidity: int
    uid: int
    at: datetime | None = None


async def watch(settings: EmailSettings, reader: Reader, sink: Sink) -> None:
    """Takes every mail of the folder, as it comes, until cancelled; reconnects for ever."""
    library = _library()
    patience = _Patience()
    while True:
        least = 0.0
        try:
            async with _connected(library, settings) as session:
                await _Folder(session, settings, reader, sink, patience).follow()
        except Trouble as trouble:
            sink.troubled(trouble.reason)
            least = trouble.wait_s
        except NotAccepted as refusal:
            sink.troubled("the service takes nothing at the moment")
            least = refusal.retry_after_s
        except Exception as error:  # the library's own surprises must not end the watch
            sink.troubled(f"reading the mailbox failed: {type(error).__name__}")
        await asyncio.sleep(max(least, patience.next()))


class _Patience:
    """How long to wait before connecting again, in seconds: doubled until something works."""

    def __init__(self) -> None:
        self._wait = FIRST_WAIT_S

    def next(self) -> float:
        wait, self._wait = self._wait, min(self._wait * 2, LONGEST_WAIT_S)
        return wait

    def reset(self) -> None:
        self._wait = FIRST_WAIT_S


def _library() -> ModuleType:
    try:
        from aioimaplib import aioimaplib  # an extra, because of its licence
    except ImportError:
        raise ImportError("reading mail by IMAP needs the extra 'email': pip install 'madoguchi[email]'") from None
    # At DEBUG it logs passwords' encodings and whole mails, at INFO lines that it does not understand.
    aioimaplib.log.setLevel(logging.WARNING)
    library: ModuleType = aioimaplib
    return library


# -- one connection -------------------------------------------------------------------------------------------------


class _Session:
    """A client of the library whose every command ends: by its answer, a time-out, or the connection's loss."""

    def __init__(self, library: ModuleType, settings: EmailSettings) -> None:
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.greeting: str | None = None
        context = ssl.create_default_context() if settings.imap_tls else None
        # IMAP4 with a context, since IMAP4_SSL takes no conn_lost_cb.
        self.client = library.IMAP4(
            settings.imap_host, settings.imap_port, timeout=COMMAND_S, conn_lost_cb=self._on_loss, ssl_context=context
        )
        welcome = self.client.protocol.welcome

        async def welcomed(line: bytes) -> None:
            # A refusal in the greeting is raised in a task of the library's that nobody looks at.
            try:
                await welcome(line)
            except Exception:
                self.greeting = line.decode("ascii", "replace")
                self._on_loss(None)

        self.client.protocol.welcome = welcomed

    def _on_loss(self, error: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)

    async def ask(self, command: Awaitable[T], seconds: float | None = None) -> T:
        """The command's answer.

        Raises:
            Trouble: none came in time, or the connection was lost. The session is of no use afterwards.
        """
        seconds = COMMAND_S if seconds is None else seconds
        task = asyncio.ensure_future(command)
        waited: set[asyncio.Future[Any]] = {task, self.lost}
        try:
            await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if self.lost.done():
                raise Trouble(self._refused() if self.greeting else "the connection was lost", 0.0)
            raise Trouble(f"the server did not answer within {seconds:.0f} s")
        except TimeoutError:
            raise Trouble("the server did not answer in time") from None
        except OSError as error:
            raise Trouble(_why_unreachable(error)) from None
        finally:
            if not task.done():
                task.cancel()
                task.add_done_callback(_looked_at)

    def _refused(self) -> str:
        return f"the server refused the connection: {(self.greeting or '')[:120]}"

    def throw_away(self) -> None:
        """Cuts the connection, and leaves no task of the library's behind."""
        protocol = self.client.protocol
        if protocol.transport is not None:
            protocol.transport.abort()
        for task in {self.client._client_task, *self.client.tasks, *protocol.tasks}:
            task.cancel()
            task.add_done_callback(_looked_at)
        if self.client._idle_waiter is not None:
            self.client._idle_waiter.cancel()


def _looked_at(task: asyncio.Future[Any]) -> None:
    """Without this asyncio complains about an error that nobody fetched."""
    if not task.cancelled():
        task.exception()


def _why_unreachable(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not to be trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "the server does not speak TLS on this port"
    return f"the server cannot be reached: {error.strerror or type(error).__name__}"


@asynccontextmanager
async def _connected(library: ModuleType, settings: EmailSettings) -> AsyncIterator[_Session]:
    session = _Session(library, settings)
    try:
        await session.ask(session.client.wait_hello_from_server())
        await _login(session, settings)
        yield session
    finally:
        session.throw_away()


async def _login(session: _Session, settings: EmailSettings) -> None:
    user = settings.imap_user or settings.own
    password = settings.imap_password.reveal() if settings.imap_password is not None else ""
    try:
        answer = await session.ask(session.client.login(quoted(user), password))
    except ValueError:
        raise Trouble("the user name or password has characters that IMAP does not allow", LONGEST_WAIT_S) from None
    if answer.result != "OK":
        # A mailbox is locked by some providers when wrong passwords keep coming.
        raise Trouble("the server refused the user name and password", 60.0)
    await session.ask(session.client.protocol.capability())


# -- the folder -----------------------------------------------------------------------------------------------------


class _Folder:
    """One folder over one connection."""

    def __init__(
        self, session: _Session, settings: EmailSettings, reader: Reader, sink: Sink, patience: _Patience
    ) -> None:
        self.session = session
        self.client = session.client
        self.settings = settings
        self.reader = reader
        self.sink = sink
        self.patience = patience
        self.name = f"imap:{settings.imap_folder}"

    async def follow(self) -> None:
        """Search, take what is new, idle, and again."""
        cursor = await self._start()
        wait = FIRST_IDLE_S
        while True:
            fresh = await self._new(cursor)
            for uid in fresh:
                cursor = await self._take(uid, cursor)
            self.sink.healthy()
            if not fresh:
                await self._idle(wait)
            wait = FIRST_IDLE_S if fresh else IDLE_S

    async def _start(self) -> Cursor:
        """Selects the folder; where to go on in it."""
        answer = await self._checked(
            self.client.select(quoted(mailbox_name(self.settings.imap_folder))), "the folder cannot be opened"
        )
        text = b"\n".join(bytes(line) for line in answer.lines)
        valid, following = _UIDVALIDITY.search(text), _UIDNEXT.search(text)
        if valid is None:
            self._fail("the server gives no UIDVALIDITY, so nothing can be resumed")
        saved = await self.sink.load(self.name)
        known = msgspec.json.decode(saved, type=Cursor) if saved is not None else None
        if known is not None and known.uidvalidity == int(valid[1]):
            return known
        before = await self._before(self._since(known), following)
        cursor = Cursor(int(valid[1]), before, known.at if known is not None else None)
        await self._save(cursor)
        return cursor

    def _since(self, known: Cursor | None) -> datetime | None:
        """From when on mails are taken: at first as the settings say; after the folder's numbers were made anew, from a
        day before the latest mail that was taken (what comes twice is recognised by its Message-ID)."""
        if known is not None and known.at is not None:
            return known.at - timedelta(days=1)
        days = self.settings.imap_history_days
        return datetime.now(UTC) - timedelta(days=days) if days else None

    async def _before(self, since: datetime | None, following: re.Match[bytes] | None) -> int:
        """The UID before the first mail since then."""
        if since is not None:
            found = await self._search(f"SINCE {since.day}-{_MONTHS[since.month - 1]}-{since.year}")
            if found:
                return found[0] - 1
        if following is not None:
            return int(following[1]) - 1
        return max(await self._search("ALL"), default=0)

    async def _new(self, cursor: Cursor) -> list[int]:
        """The next UIDs, in order, at most a batch. ``n:*`` always names the last mail, even when it is older."""
        found = await self._search(f"UID {cursor.uid + 1}:*")
        return [uid for uid in found if uid > cursor.uid][:BATCH]

    async def _search(self, criteria: str) -> list[int]:
        # No CHARSET: Exchange and others refuse it.
        answer = await self._checked(self.client.uid_search(criteria, charset=None), "the search failed")
        # The last line is the server's own words.
        numbers = b" ".join(bytes(line) for line in answer.lines[:-1]).split()
        return sorted(int(number) for number in numbers if number.isdigit())

    async def _take(self, uid: int, cursor: Cursor) -> Cursor:
        """One mail into the service, then the cursor; gone mails are passed."""
        facts = await self._fetch(uid, "(UID RFC822.SIZE INTERNALDATE)")
        at = cursor.at
        if facts is not None:
            at = _internal_date(facts[0]) or cursor.at
            await self._publish(uid, int(size[1]) if (size := _SIZE.search(facts[0])) else 0, at)
        moved = Cursor(cursor.uidvalidity, uid, at)
        await self._save(moved)
        self.patience.reset()
        return moved

    async def _publish(self, uid: int, size: int, at: datetime | None) -> None:
        envelope = Envelope(received_at=at)
        limit = self.settings.max_message_bytes
        what = "(UID BODY.PEEK[])" if size <= limit else f"(UID BODY.PEEK[]<0.{HEADER_BLOCK_BYTES}>)"
        found = await self._fetch(uid, what, FETCH_S)
        if found is None:
            return
        raw = found[1]
        if size > limit:
            reason = f"it is larger than {limit // 1024} KiB"
            batch = quarantined(raw, envelope, self.reader.mailbox, reason)
        else:
            batch = await self.reader.read(raw, envelope)
        await self.sink.publish(batch, raw if batch.events else None)

    async def _fetch(self, uid: int, what: str, seconds: float | None = None) -> tuple[bytes, bytes] | None:
        """The answer's text and its literal for this UID, or None when the mail is gone."""
        answer = await self._checked(self.client.uid("fetch", str(uid), what), "a mail cannot be fetched", seconds)
        text, literal = b"", None
        for line in answer.lines:
            if isinstance(line, bytearray):
                literal = bytes(line)
            else:
                text += line + b" "
        if not any(int(found) == uid for found in _UID.findall(text)):
            return None
        if literal is None and (short := _QUOTED.search(text)):
            literal = re.sub(rb"\\(.)", rb"\1", short[1])
        return text, literal or b""

    async def _idle(self, seconds: float) -> None:
        """Waits until there may be news."""
        if not self.client.has_capability("IDLE"):
            await asyncio.wait({self.session.lost}, timeout=POLL_S)
            await self._checked(self.client.noop(), "the server does not answer")
            return
        idling = await self.session.ask(self.client.idle_start(timeout=2 * IDLE_S), 15.0)
        await self._news(seconds)
        self.client.idle_done()
        await self.session.ask(asyncio.shield(idling), 15.0)

    async def _news(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (left := deadline - loop.time()) > 0:
            push = asyncio.ensure_future(self.client.protocol.idle_queue.get())
            try:
                await asyncio.wait({push, self.session.lost}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if self.session.lost.done():
                    raise Trouble("the connection was lost")
                if push.done() and _is_news(push.result()):
                    return
            finally:
                push.cancel()

    async def _checked(self, command: Awaitable[Any], complaint: str, seconds: float | None = None) -> Any:
        answer = await self.session.ask(command, seconds)
        if answer.result != "OK":
            self._fail(complaint)
        return answer

    async def _save(self, cursor: Cursor) -> None:
        await self.sink.save(self.name, msgspec.json.encode(cursor))

    def _fail(self, reason: str) -> NoReturn:
        raise Trouble(reason, 60.0)


def _is_news(lines: object) -> bool:
    if not isinstance(lines, list):
        return True
    if any(isinstance(line, bytes) and line.upper().startswith(b"BYE") for line in lines):
        raise Trouble("the server said goodbye")
    return any(isinstance(line, bytes) and line.upper().endswith((b"EXISTS", b"RECENT")) for line in lines)


def _internal_date(text: bytes) -> datetime | None:
    found = _DATE.search(text)
    if found is None:
        return None
    try:
        day, month, rest = found[1].decode("ascii").strip().split("-", 2)
        number = _MONTHS.index(month.title()) + 1
        return datetime.strptime(f"{day} {number} {rest}", "%d %m %Y %H:%M:%S %z").astimezone(UTC)
    except (ValueError, UnicodeError, OverflowError):
        return None


def quoted(text: str) -> str:
    """An IMAP quoted string."""
    escaped = re.sub(r'(["\\])', r"\\\1", text)
    return f'"{escaped}"'


def mailbox_name(name: str) -> str:
    """A folder's name in modified UTF-7 (RFC 3501, 5.1.3)."""
    return re.sub(r"[^\x20-\x7e]+|&", lambda found: _shifted(found[0]), name)


def _shifted(text: str) -> str:
    if text == "&":
        return "&-"
    return f"&{b64encode(text.encode('utf-16-be')).decode('ascii').rstrip('=').replace('/', ',')}-"
