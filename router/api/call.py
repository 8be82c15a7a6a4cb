"""One request to the API, past the door: who asks, and what for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from router.api.problems import ApiError
from router.api.services import ApiServices
from router.api.tokens import Scope, Token


@dataclass(slots=True)
class Call:
    """A request with its token checked and its input read. ``query`` and ``body`` are of the route's types."""

    request: web.Request
    services: ApiServices
    token: Token
    query: Any = None
    body: Any = None
    raw: bytes = b""

    def path(self, name: str) -> str:
        """A variable of the path."""
        return self.request.match_info[name]

    def acting_agent(self, named: str | None = None) -> str:
        """The agent who acts: the token's own; a token of no agent must name one.

        Raises:
            ApiError: 403 an agent's token names somebody else, 422 nobody is named.
        """
        own = self.token.agent
        if own is None and named is None:
            raise ApiError(
                422, "this token is of no agent, so the body must name one", where="$.agent", expected="an agent's id"
            )
        if own is not None and named not in (None, own) and not self.token.may("assign"):
            raise ApiError(403, "an agent's token acts for that agent only; another one needs the scope assign")
        return named or own or ""


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. The table of routes is the only place that says what there is; OpenAPI is made of it.

    ``scope`` None: open to all (signed links, the documents). ``answer``: the type of a 200; None: not JSON.
    """

    method: str
    path: str
    scope: Scope | None
    summary: str
    handler: Handler
    answer: Any = None
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    write: bool = False
    """It is carried out by a shard: answers 202 when the outcome is late, takes ``Idempotency-Key``."""
    status: int = 200
    problems: tuple[int, ...] = ()
    media_type: str = "application/json"
