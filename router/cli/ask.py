"""Asking a running service over HTTP; plain urllib, so that a health check starts quickly."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from router.cli.failure import Failure
from router.settings import ROLES, Settings, address


def base_url(settings: Settings, roles: frozenset[str] = frozenset(ROLES)) -> str:
    """Where a service with these settings listens, seen from this machine."""
    host, port = address(settings, roles)
    if host.startswith("unix:"):
        raise Failure("the service listens on a socket, not on a port", "give its URL")
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{host}:{port}"


def get(url: str, timeout_s: float = 3.0) -> tuple[int, Any]:
    """Status and JSON of a GET; no proxy in between.

    Raises:
        Failure: nobody answers, or not with JSON.
    """
    try:
        with _opener().open(url, timeout=timeout_s) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _body(error)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise Failure(f"{url} does not answer ({reason})", "is the service running there?") from None


def _body(error: urllib.error.HTTPError) -> Any:
    try:
        return json.load(error)
    except ValueError:
        return None


def post(url: str, body: bytes, headers: dict[str, str], timeout_s: float = 10.0) -> int:
    """The status of a POST.

    Raises:
        Failure: nobody answers.
    """
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with _opener().open(request, timeout=timeout_s) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise Failure(f"{url} does not answer ({reason})", "start the service first: make run") from None


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
