"""Problems as RFC 9457 tells them: ``application/problem+json`` with type, title, status and detail."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web

from contracts.message import Problem as Refused

CONTENT_TYPE: Final = "application/problem+json"

_STATUS_OF_REFUSAL: Final[dict[str, int]] = {
    "not_found": 404,
    "missing": 404,
    "unknown": 404,
    "forbidden": 403,
    "invalid": 422,
    "unsupported": 422,
    "too_large": 422,
    "window_closed": 422,
    "opted_out": 422,
    "recipient_gone": 422,
    "no_capacity": 409,
    "stale": 412,
}
"""By the kind of a rule's refusal; every other kind is a conflict with the present state, 409."""


class Problem(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What went wrong. ``type`` ends in a stable name; ``where`` points at the wrong part of the input and ``expected``
    says what would be right; ``kind`` is the refusal's own kind; ``alternatives``: other ways to the customer that can
    do it, the best first."""

    type: str
    title: str
    status: int
    detail: str
    where: str | None = None
    expected: str | None = None
    kind: str | None = None
    retryable: bool = False
    alternatives: tuple[str, ...] = ()


class ApiError(Exception):
    """Answered as a problem. Messages never hold a token or the text of a message."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        name: str | None = None,
        where: str | None = None,
        expected: str | None = None,
        kind: str | None = None,
        retryable: bool = False,
        alternatives: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.headers = dict(headers or {})
        self.problem = Problem(
            type=f"urn:madoguchi:problem:{name or kind or _name(status)}",
            title=HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            where=where,
            expected=expected,
            kind=kind,
            retryable=retryable,
            alternatives=alternatives,
        )

    @property
    def response(self) -> web.Response:
        """The problem as an answer."""
        body = msgspec.json.encode(self.problem)
        return web.Response(
            status=self.problem.status,
            body=body,
            content_type=CONTENT_TYPE,
            headers={"Cache-Control": "no-store", **self.headers},
        )


def bad_input(detail: str, *, where: str = "$", expected: str | None = None, status: int = 422) -> ApiError:
    """The input is wrong, here, and this would be right."""
    return ApiError(status, detail, name="bad-input", where=where, expected=expected)


def not_found(what: str, id: str) -> ApiError:
    """There is no such thing."""
    return ApiError(404, f"there is no {what} {id[:80]!r}", name="not-found")


def of_refusal(refused: Refused) -> ApiError:
    """A rule's refusal."""
    status = _STATUS_OF_REFUSAL.get(refused.kind, 409)
    return ApiError(
        status, refused.sentence, kind=refused.kind, retryable=refused.retryable, alternatives=refused.alternatives
    )


def of_http(error: web.HTTPException) -> ApiError:
    """What aiohttp itself refuses: unknown path, wrong method, too large."""
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return ApiError(error.status, _SENTENCES.get(error.status, error.reason), headers=headers)


def plain(problem: Problem) -> dict[str, Any]:
    """The problem as a dict, for a WebSocket frame."""
    found: dict[str, Any] = msgspec.to_builtins(problem)
    return found


_SENTENCES: Final = {
    404: "there is nothing at this path; /v1/openapi.json lists what there is",
    405: "this path does not take this method",
}


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.lower().replace(" ", "-")
