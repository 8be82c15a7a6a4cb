"""The base of fake providers: a state machine without sockets, clock or chance, that acts as the real one does.

A channel's author fills in four methods in ``connectors/<channel>/simulator.py`` and names the class in
``Connector.simulator`` (``"connectors.line.simulator:LineSimulator"``). The same class then serves unit tests, the
end-to-end tests and ``madoguchi simulate-provider``; whoever runs it does the HTTP in both directions:

- our calls to the provider go to :meth:`ProviderSimulator.handle`, and what it gives is answered;
- what :meth:`ProviderSimulator.due` gives is posted to us, and our answer to it is told to
  :meth:`ProviderSimulator.answered`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, Generic, Literal, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from connectors.api import ProviderRequest, ProviderResponse, Request
from contracts.content import Part, Text

S = TypeVar("S", bound=msgspec.Struct)

MINUTE: Final = 60.0
HOUR: Final = 3_600.0
WAIT: Final = ProviderResponse(failure="wait")


class Call(msgspec.Struct, frozen=True):
    """One of our calls as the provider sees it. ``headers`` by lower-case name, the secret ones too."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: datetime

    def __repr__(self) -> str:
        return f"Call({self.method} {self.path}, {len(self.body)} bytes)"

    @property
    def segments(self) -> list[str]:
        """The path between its slashes, decoded: for ``match``."""
        return [unquote(segment) for segment in self.path.strip("/").split("/")]

    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def form(self) -> dict[str, str]:
        """The body as a form; of a repeated field the last."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


class Reached(msgspec.Struct, frozen=True):
    """A message of ours that reached a customer. ``content`` is what the provider was given, in its own form."""

    to: str
    id: str
    text: str
    content: Any
    at: datetime


class Fault(msgspec.Struct, frozen=True):
    """What goes wrong with a send. ``acts``: it is carried out all the same. ``answer``: instead of the right one."""

    answer: ProviderResponse
    acts: bool = False


class Media(msgspec.Struct, frozen=True):
    """A file that the provider serves. ``pending``: so many requests are told to come again."""

    data: bytes
    media_type: str = "application/octet-stream"
    pending: int = 0


class Grant(msgspec.Struct):
    """A reply token, an access token or a reply window: what it is for, until when, how often."""

    value: str
    until: datetime
    uses: int | None = None


class Webhook(msgspec.Struct):
    """Something to be told to us, until it is taken or the schedule ends. ``body`` is signed anew at each attempt."""

    number: int
    body: bytes
    due: datetime
    attempt: int = 1
    state: Literal["waiting", "on its way", "taken", "given up"] = "waiting"
    path: str = ""
    """What follows ``/in/<account>``, for providers with several callbacks."""
    again: bool = False
    """A redelivery, although it was taken."""


class Delivery(msgspec.Struct, frozen=True):
    """A webhook to be posted now."""

    webhook: Webhook
    request: Request


class ProviderSimulator(Generic[S]):
    """A provider and one account with it. ``settings`` are the account's, as our connector has them; ``to`` is where
    its webhooks go. Times are UTC; ``now`` is the time of the step that is being taken.

    ``speed`` shortens every wait: at 600 a schedule of ten minutes takes a second.
    """

    customer: ClassVar[str] = "customer-1"
    """A customer's address as this channel has them."""
    retries_s: ClassVar[tuple[float, ...]] = (MINUTE, 5 * MINUTE, HOUR)
    """After how many seconds the provider repeats a webhook that was not taken; then it gives up."""
    patience_s: ClassVar[float] = 10.0
    """How long the provider waits for our answer to a webhook."""

    def __init__(self, settings: S, to: str, speed: float = 1.0) -> None:
        self.settings = settings
        self.to = to
        self.speed = speed
        self.now = datetime.fromtimestamp(0, UTC)
        self.calls: list[Call] = []
        """Every call of ours, in order."""
        self.reached: list[Reached] = []
        """Every message that reached a customer, in order."""
        self.heard: list[str] = []
        """What customers hear besides messages, in order: words on a telephone line."""
        self.complaints: list[str] = []
        """Where we broke the provider's rules. A test wants none."""
        self.faults: list[Fault] = []
        """What happens to the next sends instead of what should."""
        self.media: dict[str, Media] = {}
        self.profiles: dict[str, dict[str, Any]] = {}
        """By address, in the provider's own form."""
        self.grants: dict[str, Grant] = {}
        self.webhooks: list[Webhook] = []
        """Everything told to us, in order of creation."""
        self._accepted: dict[str, tuple[bytes, ProviderResponse]] = {}
        self._numbers = 0
        self._copies = 0
        self._held: list[Webhook] | None = None
        self._hold = 0

    def begin(self, number: int) -> None:
        """Numbers go on from this one, so that whoever is started anew gives no id a second time."""
        self._numbers = number

    # -- what an author fills in --------------------------------------------------------------------------------------

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        """Settings of an account (as in the config file, secrets in plain) whose calls go to ``url``."""
        raise NotImplementedError

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        """The body with which the provider tells that a customer sent ``part``; None: customers cannot send that.

        ``number`` is another one for every message; make ids from it, and the time from ``self.now``.
        """
        raise NotImplementedError

    def signed(self, webhook: Webhook) -> Request:
        """The request that carries ``webhook.body`` to ``self.to + webhook.path``, signed at ``self.now``. An attempt
        after the first (or ``again``) is marked as the provider marks it."""
        raise NotImplementedError

    def answer(self, call: Call) -> ProviderResponse:
        """What the provider does with a call, and what it answers. Strict: who is it, is the path there, is the body
        as documented, within the limits? A send that is taken calls :meth:`reach`. A long poll that has nothing yet
        gives :data:`WAIT` and is asked again soon; ``self.now - call.at`` tells how long it has been waiting."""
        raise NotImplementedError

    def is_send(self, call: Call) -> bool:
        """Does this call send a message? Only to such calls faults happen."""
        return call.method == "POST"

    def throttled(self, retry_after_s: float | None) -> ProviderResponse:
        """The answer to whoever calls too often."""
        headers = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
        return ProviderResponse(429, headers)

    def taken(self, webhook: Webhook, response: ProviderResponse) -> bool:
        """Does our answer satisfy the provider?"""
        return response.failure is None and 200 <= response.status < 300

    # -- our calls ----------------------------------------------------------------------------------------------------

    def handle(self, request: ProviderRequest, now: datetime) -> ProviderResponse:
        """The answer to one of our calls; ``failure`` when there is none: ``reset``, ``timeout``, or ``wait``: there is
        none yet, see :meth:`resume`."""
        self.now = now
        call = self._call(request)
        self.calls.append(call)
        if not self.faults or not self.is_send(call):
            return self.answer(call)
        fault = self.faults.pop(0)
        if fault.acts:
            self.answer(call)
        return fault.answer

    def resume(self, call: Call, now: datetime) -> ProviderResponse:
        """Asks again for the answer to a call that was told to ``wait``."""
        self.now = now
        return self.answer(call)

    def _call(self, request: ProviderRequest) -> Call:
        parts = urlsplit(request.url)
        given = {**request.headers, **request.secret_headers}
        headers = {name.lower(): value for name, value in given.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return Call(request.method, parts.path, query, headers, request.body, self.now)

    def reach(self, to: str, text: str, content: Any, id: str | None = None) -> str:
        """A message of ours has reached ``to``; the id that the provider gives it."""
        self._numbers += 1
        identifier = id or f"out-{self._numbers}"
        self.reached.append(Reached(to, identifier, text, content, self.now))
        return identifier

    def refuse(self, status: int, body: Any, why: str) -> ProviderResponse:
        """We broke a rule of the provider: it answers so, and the test hears of it."""
        self.complaints.append(why)
        return json_answer(status, body)

    def once(
        self,
        key: str | None,
        body: bytes,
        act: Callable[[], ProviderResponse],
        repeated: Callable[[ProviderResponse], ProviderResponse] = lambda first: first,
    ) -> ProviderResponse:
        """Carries ``act`` out once for an idempotency key; a repeat gets ``repeated`` of the first answer. The same key
        with another body is a mistake of ours."""
        if key is None:
            return act()
        if key in self._accepted:
            earlier, first = self._accepted[key]
            if earlier != body:
                self.complaints.append("the same idempotency key came with another body")
            return repeated(first)
        response = act()
        if response.status < 300:
            self._accepted[key] = (body, response)
        return response

    # -- tokens and windows -------------------------------------------------------------------------------------------

    def grant(self, token: str, value: str, life_s: float, uses: int | None = None) -> None:
        """A token (or, by address, a reply window) that is good for so long and so often; a new one for the same name
        takes the place of the old."""
        self.grants[token] = Grant(value, self.now + timedelta(seconds=life_s), uses)

    def spend(self, token: str) -> str | None:
        """What the token is good for, using it once; None: unknown, used up or expired."""
        found = self.grants.get(token)
        if found is None or self.now >= found.until or found.uses == 0:
            return None
        if found.uses is not None:
            found.uses -= 1
        return found.value

    def expire(self, token: str | None = None) -> None:
        """That token, or all of them, are good no longer."""
        for name in [token] if token is not None else list(self.grants):
            self.grants.pop(name, None)

    # -- what goes wrong ----------------------------------------------------------------------------------------------

    def throttle(self, times: int = 1, retry_after_s: float | None = 1.0) -> None:
        """The next sends come too fast."""
        self.faults += [Fault(self.throttled(retry_after_s))] * times

    def fail(self, status: int = 503, body: Any = None, times: int = 1) -> None:
        """The next sends are answered so, and not carried out."""
        self.faults += [Fault(json_answer(status, body))] * times

    def lose(self, times: int = 1, how: Literal["reset", "timeout"] = "reset", acts: bool = True) -> None:
        """The next sends are carried out (or not: ``acts``) and the answer never comes."""
        self.faults += [Fault(ProviderResponse(failure=how), acts)] * times

    def duplicate(self, times: int = 1) -> None:
        """The next webhook comes so many times more."""
        self._copies = times

    def disorder(self, count: int = 2) -> None:
        """The next ``count`` webhooks are held until all are there, and come last first."""
        self._hold, self._held = count, []

    def redeliver(self, webhook: Webhook | None = None) -> None:
        """That webhook, or the latest one, comes once more although we took it."""
        last = webhook or self.webhooks[-1]
        self._queue(Webhook(last.number, last.body, self.now, path=last.path, again=True))

    # -- what is told to us -------------------------------------------------------------------------------------------

    def say(self, what: str | Part, now: datetime, customer: str | None = None) -> Webhook:
        """A customer sends something."""
        self.now = now
        part = Text(what) if isinstance(what, str) else what
        self._numbers += 1
        body = self.said(customer or self.customer, part, self._numbers)
        if body is None:
            raise ValueError(f"customers of this channel cannot send a {type(part).__name__.lower()}")
        return self.post(body)

    def post(self, body: bytes, after_s: float = 0.0, path: str = "") -> Webhook:
        """Tells us something after so many seconds (of the provider's time): a receipt, a button pressed."""
        self._numbers += 1
        webhook = Webhook(self._numbers, body, self._after(after_s), path=path)
        copies = [msgspec.structs.replace(webhook) for _ in range(self._copies)]
        self._copies = 0
        for each in (webhook, *copies):
            self._queue(each)
        return webhook

    def _queue(self, webhook: Webhook) -> None:
        if self._held is None:
            self.webhooks.append(webhook)
            return
        self._held.append(webhook)
        if len(self._held) >= self._hold:
            self.webhooks += reversed(self._held)
            self._held = None

    def due(self, now: datetime) -> list[Delivery]:
        """What must be posted now, signed, in this order. Each is then on its way until :meth:`answered`."""
        self.now = now
        ready = [each for each in self.webhooks if each.state == "waiting" and each.due <= now]
        for webhook in ready:
            webhook.state = "on its way"
        return [Delivery(webhook, self.signed(webhook)) for webhook in ready]

    def answered(self, delivery: Delivery, response: ProviderResponse, now: datetime) -> None:
        """What we answered to a webhook: it is done, or comes again by the provider's schedule."""
        self.now = now
        webhook = delivery.webhook
        if self.taken(webhook, response):
            webhook.state = "taken"
        elif webhook.attempt > len(self.retries_s):
            webhook.state = "given up"
        else:
            webhook.due = self._after(self.retries_s[webhook.attempt - 1])
            webhook.attempt += 1
            webhook.state = "waiting"

    def next_due(self) -> datetime | None:
        """When :meth:`due` will next have something; None: nothing is waiting."""
        return min((each.due for each in self.webhooks if each.state == "waiting"), default=None)

    def _after(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds / self.speed)

    # -- for tests ----------------------------------------------------------------------------------------------------

    def texts(self, to: str | None = None) -> list[str]:
        """The texts that reached a customer, in order."""
        return [each.text for each in self.reached if each.to == (to or self.customer)]

    def sends(self) -> list[Call]:
        """Our calls that send."""
        return [call for call in self.calls if self.is_send(call)]

    def file(self, name: str) -> Media | None:
        """A file of ``media``; counts ``pending`` down, which the caller answers as the provider does."""
        found = self.media.get(name)
        if found is not None and found.pending:
            self.media[name] = msgspec.structs.replace(found, pending=found.pending - 1)
        return found


def json_answer(status: int, body: Any, **headers: str) -> ProviderResponse:
    """An answer with a JSON body; None: an empty one."""
    data = b"" if body is None else msgspec.json.encode(body)
    return ProviderResponse(status, {"content-type": "application/json", **headers}, data)


def posted(to: str, path: str, headers: dict[str, str], body: bytes, at: datetime) -> Request:
    """A webhook's request, for :meth:`ProviderSimulator.signed`."""
    return Request("POST", path, {}, headers, body, at, to + path)
