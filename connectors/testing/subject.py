"""The connector under test, and what its author says about it: the foundation of every check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from connectors.api import (
    Batch,
    Connector,
    Failed,
    Ignored,
    Malformed,
    Outbound,
    Parsed,
    ProviderRequest,
    Request,
    SessionOpen,
)
from connectors.kit.degrade import pieces_for
from connectors.registry import settings_of
from connectors.testing import cases as case_files
from connectors.testing.samples import MEDIA
from contracts.content import Part

RESULTS: Final[dict[str, Any]] = {"batch": Batch, "ignored": Ignored, "malformed": Malformed}
HOST: Final = "https://madoguchi.example.com/in"


class Subject:
    """What a test class says of its connector. Only ``connector``, ``cases`` and ``settings`` are needed, and ``sign``
    for a channel that takes requests."""

    connector: ClassVar[type[Connector[Any]]]
    cases: ClassVar[Path]
    settings: ClassVar[dict[str, Any]]
    """As in the config file, secrets in plain."""
    account: ClassVar[str] = "main"
    address: ClassVar[str] = "customer-1"
    """A customer's address as this channel has them."""
    stale_after_s: ClassVar[int | None] = None
    """How old a request may be at most, where the channel signs a time."""
    other_settings: ClassVar[dict[str, Any] | None] = None
    """What another account of this channel has instead; None: the same with other secrets."""
    compares_secrets: ClassVar[bool] = True
    """False where the provider signs with a key of its own (RSA, Ed25519): then nothing secret is compared."""
    supplied: ClassVar[Mapping[str, bytes]] = {}
    """What the host would have fetched (``Connector.supplies``): the keys with which the provider signs."""
    proofs: ClassVar[Sequence[str]] = ()
    """The headers that prove a request, where they neither depend on the body nor have a secret in them (a JWT)."""
    posted_to: ClassVar[bool] = True
    """False where requests are a customer's (a chat widget), not a provider's: those the channel tests by itself."""
    least_inbound: ClassVar[int] = 1
    least_outbound: ClassVar[int] = 1
    """So many cases there must be."""
    codes: ClassVar[Sequence[int | str]] = ()
    """The provider's error codes and statuses that the connector's own tables know: each needs an answer or an inbound
    case that has it."""
    echoes: ClassVar[bool] = False
    """The provider tells us what we sent ourselves: then a case must say so (``"echo": true``)."""
    frames: ClassVar[Sequence[str]] = ()
    """For sessions: the frames of a customer who says something, in their order."""
    mutations: ClassVar[int] = 5_000
    patience_s: ClassVar[float] = 5.0
    """For listeners: how long a message may take to be heard."""
    cuts: ClassVar[int] = 40
    """For listeners: at how many awaits, from the first on, they are cut off."""

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        """The headers with which the provider would send these bytes (lower-case names)."""
        raise NotImplementedError

    def sign_request(self, request: Request) -> Mapping[str, str]:
        """The same, for a channel that signs more than the body (``request.url``, ``request.query``)."""
        return self.sign(request.body, request.received_at)

    def redelivered(self, body: bytes) -> bytes:
        """The body as it comes the second time; the same unless the channel marks it."""
        return body

    def opening(self) -> SessionOpen:
        """For sessions: how a customer's socket is opened."""
        raise NotImplementedError

    def listening(self) -> AbstractAsyncContextManager[tuple[dict[str, Any], Sequence[str]]]:
        """For listeners: a provider at work with messages waiting; the settings that lead to it, and the provider ids
        of those messages."""
        raise NotImplementedError

    # -- made from it -------------------------------------------------------------------------------------------------

    def made(self, **settings: Any) -> Connector[Any]:
        """A connector as the host would make it."""
        given = {**self.settings, **settings}
        return self.connector(self.account, settings_of(self.connector, given, self.account))

    def request(self, body: bytes, at: datetime = case_files.NOW, **headers: str) -> Request:
        """A genuine request with that body."""
        bare = Request("POST", "", {}, {}, body, at, HOST, supplied=self.supplied)
        return msgspec.structs.replace(bare, headers={**self.sign_request(bare), **headers})

    def request_of(self, case: case_files.InboundCase) -> Request:
        """The request of a case: signed, with the case's own path, query and headers."""
        if (case.method, case.path, case.query) == ("POST", "", {}):
            return self.request(case.payload(), case.received_at, **case.headers)
        url = HOST + case.path + (f"?{urlencode(case.query)}" if case.query else "")
        bare = Request(
            case.method, case.path, case.query, {}, case.payload(), case.received_at, url, supplied=self.supplied
        )
        return msgspec.structs.replace(bare, headers={**self.sign_request(bare), **case.headers})

    def pieces(self, parts: tuple[Part, ...], media: Mapping[str, Any] = MEDIA) -> tuple[Part, ...] | Failed:
        """What the host makes of the parts for this channel."""
        return pieces_for(self.connector.manifest, parts, media)

    def calls(self, message: case_files.Message, **more: Any) -> list[ProviderRequest] | Failed:
        """The calls for a message, as the host would ask for them. ``more``: fields of the outbound to change."""
        pieces = self.pieces(message.parts, message.media)
        if isinstance(pieces, Failed):
            return pieces
        made = self.made().render(msgspec.structs.replace(self._outbound(message, pieces), **more))
        return made if isinstance(made, Failed) else list(made)

    def _outbound(self, message: case_files.Message, pieces: tuple[Part, ...]) -> Outbound:
        return case_files.outbound_of(message, self.account, self.connector.manifest.name, pieces)

    def _message(self, *parts: Part) -> case_files.Message:
        return case_files.Message(parts, self.address, media=MEDIA)

    def _inbound(self) -> dict[str, case_files.InboundCase]:
        return case_files.inbound_cases(self.cases)

    def _payloads(self) -> list[bytes]:
        return [case.payload() for case in self._inbound().values() if case.result == "batch"]

    def _parse(self, case: case_files.InboundCase) -> Parsed:
        return self.made().parse(self.request_of(case))

    def _secrets(self) -> dict[str, str]:
        """The settings that are secret, in plain."""
        kinds = {field.name: str(field.type) for field in msgspec.structs.fields(self.connector.Settings)}
        return {
            name: value
            for name, value in self.settings.items()
            if "Secret" in kinds.get(name, "") and isinstance(value, str)
        }


# -- which checks a connector has -------------------------------------------------------------------------------------

Kit = type[Subject]
Condition = Callable[[Kit], bool]
C = TypeVar("C", bound=Callable[..., Any])


def only(condition: Condition) -> Callable[[C], C]:
    """The check is only for connectors of which ``condition`` is true; its docstring says when that is."""

    def marked(check: C) -> C:
        check.__dict__["only"] = condition
        return check

    return marked


def takes_requests(kit: Kit) -> bool:
    """the provider posts to us (verify is its own)"""
    return kit.posted_to and kit.connector.verify is not Connector.verify


def sends_requests(kit: Kit) -> bool:
    """it sends by calls (render is its own)"""
    return kit.connector.render is not Connector.render


def simulates(kit: Kit) -> bool:
    """it can make a provider's request (simulate is its own)"""
    return takes_requests(kit) and kit.connector.simulate is not Connector.simulate


def has_simulator(kit: Kit) -> bool:
    """it has a fake provider (simulator)"""
    return kit.connector.simulator is not None


def shakes_hands(kit: Kit) -> bool:
    """the provider makes a set-up call (handshake is its own)"""
    return kit.posted_to and kit.connector.handshake is not Connector.handshake


def signs_times(kit: Kit) -> bool:
    """the channel signs a time (stale_after_s is set)"""
    return kit.stale_after_s is not None


def compares(kit: Kit) -> bool:
    """what is compared is secret (compares_secrets)"""
    return takes_requests(kit) and kit.compares_secrets


def limits_texts(kit: Kit) -> bool:
    """texts have a limit (manifest.text_limit)"""
    return sends_requests(kit) and kit.connector.manifest.text_limit is not None


def listens(kit: Kit) -> bool:
    """it listens, and says how to try it (listening is overridden)"""
    return kit.listening is not Subject.listening


def speaks(kit: Kit) -> bool:
    """it has sessions (manifest.sessions)"""
    return kit.connector.manifest.sessions
