"""What an author implements. Two methods make a connector that receives and sends; the rest has defaults.

Everything except ``listen`` and ``deliver`` is a plain function of values: no await, no clock, no randomness, no IO.
The host does the HTTP and keeps the order: limit, verify the raw bytes, parse, append, answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, Final, Generic, Literal, Protocol, TypeVar

import msgspec

from connectors.api.manifest import Manifest
from connectors.api.outbound import Outbound
from connectors.api.outcome import (
    Batch,
    Failed,
    Ignored,
    Outcome,
    Parsed,
    Quota,
    Refused,
    Sent,
    Then,
    Uncertain,
    Verified,
    problem,
)
from connectors.api.request import ProviderRequest, ProviderResponse, Request, Response
from connectors.api.session import Session, SessionOpen
from connectors.api.supply import Supplied, Supply
from contracts.attachment import Attachment
from contracts.conversation import Reach
from contracts.identity import Profile

S = TypeVar("S", bound=msgspec.Struct)

LONGEST_WAIT_S: Final = 86_400.0


class Sink(Protocol):
    """What a listener is given."""

    account: str

    async def publish(self, batch: Batch, raw: bytes | None = None) -> None:
        """Returns when the events are durable; raises :class:`connectors.api.errors.NotAccepted` when they are not.

        ``raw``: the whole source (a mail), kept in the media store and reachable from each message.
        """

    async def load(self, name: str) -> bytes | None:
        """A small piece of state kept for this account (a mailbox cursor)."""

    async def save(self, name: str, value: bytes) -> None:
        """Keeps it; durable when it returns."""

    async def set_aside(self, reason: str, payload: bytes) -> None:
        """Keeps what cannot be understood; raises :class:`connectors.api.errors.NotAccepted` when it could not."""

    def healthy(self) -> None:
        """The listener is at work."""

    def troubled(self, reason: str) -> None:
        """It is not, and why; it goes on trying."""


class Listener(msgspec.Struct, frozen=True):
    """Something an account runs besides answering requests: a name for health and leases, and where it runs.

    ``leased``: once over all copies (a mailbox). ``every_edge``: in each copy (a port).
    """

    name: str
    where: Literal["leased", "every_edge"]
    run: Callable[[Sink], Awaitable[None]]
    """Runs until cancelled."""


class Connector(Generic[S]):
    """A connector for one account. Subclasses set ``manifest`` and ``Settings``."""

    manifest: ClassVar[Manifest]
    Settings: ClassVar[type[msgspec.Struct]]
    """Strict: ``forbid_unknown_fields=True``; secrets are :class:`connectors.api.Secret`."""
    simulator: ClassVar[str | None] = None
    """Where this channel's fake provider is, as ``module:Class`` (see ``connectors.testing.provider``); only tests and
    ``madoguchi simulate-provider`` load it."""

    def __init__(self, account: str, settings: S) -> None:
        self.account = account
        self.settings = settings

    # -- receiving --------------------------------------------------------------------------------------------------

    def handshake(self, request: Request) -> Response | None:
        """An answer to the provider's set-up call, or to any other request that carries no event; None: go on."""
        return None

    def verify(self, request: Request) -> Verified | Refused:
        """Is it the provider's? Compares in constant time over the raw bytes."""
        return Refused("this connector takes no requests", 404)

    def parse(self, request: Request) -> Parsed:
        """What a verified request says. Total: anything else than a ``Parsed`` is a bug."""
        return Ignored("this connector takes no requests")

    async def listen(self, sink: Sink) -> None:
        """Runs until cancelled, for channels that are not request and response."""
        raise NotImplementedError

    def listeners(self) -> Sequence[Listener]:
        """What the host runs for this account: ``listen`` as the manifest says, unless settings want it otherwise."""
        where = self.manifest.listens
        return () if where == "no" else (Listener("listen", where, self.listen),)

    def session(self, opened: SessionOpen) -> Session | Refused:
        """The protocol of one WebSocket with a customer."""
        return Refused("this connector has no sessions", 404)

    # -- sending ----------------------------------------------------------------------------------------------------

    def render(self, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
        """The provider calls that say what is left of the message (from piece ``outbound.done`` on), in order."""
        return Failed(problem("unsupported", "this connector cannot send"))

    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Outcome | Then:
        """What an answer means, or which call has to follow it. Called for failures too (``response.failure``)."""
        return default_interpret(request, response)

    async def deliver(self, outbound: Outbound) -> Outcome | None:
        """Sends over a transport of the connector's own (SMTP); None: the host uses render and interpret."""
        return None

    # -- tokens and keys ----------------------------------------------------------------------------------------------

    def supplies(self) -> Sequence[Supply]:
        """What has to be fetched before the account can work."""
        return ()

    def read_supply(self, name: str, response: ProviderResponse) -> Supplied | Then | Failed:
        """What came, or the call that has to follow, or why there is none. Asked for failures too."""
        return Failed(problem("unsupported", f"there is no supply {name!r}"))

    def authorise(
        self, request: ProviderRequest, now: datetime, nonce: str, supplied: Mapping[str, bytes]
    ) -> ProviderRequest:
        """The call as it goes out: with a fetched token, or signed with the time. Called right before each call of the
        account but those for supplies. ``nonce`` is another one (32 hexadecimal digits) for every call, ``supplied``
        has what ``request.needs`` names."""
        return request

    # -- looking things up ------------------------------------------------------------------------------------------

    def profile_request(self, address: str, author: str | None) -> ProviderRequest | None:
        """The call that looks a person up."""
        return None

    def read_profile(self, response: ProviderResponse) -> Profile | None:
        """What it answered; None: nothing to be known."""
        return None

    def media_request(self, attachment: Attachment) -> ProviderRequest | None:
        """The call that fetches an attachment's bytes, from ``attachment.source``."""
        return None

    def media_location(self, attachment: Attachment, response: ProviderResponse) -> ProviderRequest | None:
        """The second call, where the answer to ``media_request`` only tells where the bytes are; None: it has them."""
        return None

    def media_problem(self, attachment: Attachment, response: ProviderResponse) -> str | None:
        """Why what came (with 200) is not the attachment: a log-in page, for example; None: it is."""
        return None

    def typing_request(self, address: str, on: bool) -> ProviderRequest | None:
        """The call that shows the customer that we are typing."""
        return None

    def typing_in(self, reach: Reach, on: bool) -> ProviderRequest | None:
        """The same, for channels where the address is not enough (the thread, the last message)."""
        return self.typing_request(reach.address, on)

    def read_request(self, message_extra: dict[str, Any]) -> ProviderRequest | None:
        """The call that marks an inbound message as read."""
        return None

    def probe_request(self) -> ProviderRequest | None:
        """A harmless call that tells whether the account works."""
        return None

    def quota_requests(self) -> Sequence[ProviderRequest]:
        """The calls that tell how much of the provider's quota is used; asked rarely. Nothing: there is no quota."""
        return ()

    def read_quota(self, responses: Sequence[ProviderResponse]) -> Quota | None:
        """What they answered, in the same order; None: it cannot be told."""
        return None

    # -- for pages and people ---------------------------------------------------------------------------------------

    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request | None:
        """A genuine signed request as the provider would send it: for demonstrations, benchmarks and tests."""
        return None

    def handover_link(self, text: str) -> str | None:
        """A link that opens this channel with ``text`` (a hand-over code) ready to be sent; None: there is none."""
        return None

    def invited(self, address: str, code: str, links: Mapping[str, str]) -> Sequence[ProviderRequest]:
        """The calls that tell a customer how to go on elsewhere (see ``Batch.invite``): by a hand-over ``code``, or by
        ``links``, which have it, by account."""
        return ()

    async def close(self) -> None:
        """Gives back what it holds; may be called twice."""


def default_interpret(request: ProviderRequest, response: ProviderResponse) -> Outcome:
    """HTTP's usual meanings: 2xx sent, 429 throttled, 408/5xx unclear or retryable, other 4xx refused."""
    if response.failure == "unreachable":
        return Failed(problem("unreachable"))
    if response.failure is not None:
        return Failed(problem("unreachable", response.failure)) if request.idempotent else Uncertain(response.failure)
    if 200 <= response.status < 300:
        return Sent()
    return Failed(_problem_of(response.status), retry_after(response))


def _problem_of(status: int) -> Any:
    code = str(status)
    if status in (401, 403):
        return problem("config", code=code)
    if status in (404, 410):
        return problem("recipient_gone", code=code)
    if status == 413:
        return problem("too_large", code=code)
    if status == 429:
        return problem("throttled", code=code)
    return problem("unreachable" if status >= 500 or status == 408 else "rejected", code=code)


def retry_after(response: ProviderResponse, now: datetime | None = None) -> float | None:
    """Seconds that a ``Retry-After`` header asks for, at most a day; None without one that makes sense.

    A date is counted from the answer's own ``Date``, so that two clocks need not agree, or else from ``now``.
    """
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), LONGEST_WAIT_S)
    until = _date(value)
    start = _date(response.headers.get("date", "")) or now
    if until is None or start is None:
        return None
    return min(max((until - start).total_seconds(), 0.0), LONGEST_WAIT_S)


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
