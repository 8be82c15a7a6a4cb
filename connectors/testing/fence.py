"""Fences around pure code: inside them, the network, the clock and chance are out of reach."""

from __future__ import annotations

import os
import random
import secrets
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def no_sockets() -> Iterator[None]:
    """No name is looked up and no connection made while it stands."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("pure code went to the network")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "bind", "sendto"):
            patch.setattr(socket.socket, name, refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield


@contextmanager
def pure() -> Iterator[None]:
    """Neither network nor clock nor chance. ``datetime.now`` cannot be fenced; two results that differ show it."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("pure code asked the clock or chance; the time is request.received_at or outbound.now")

    with no_sockets(), pytest.MonkeyPatch.context() as patch:
        for module, names in (
            (time, ("time", "time_ns")),
            (random, ("random", "randint", "randrange", "choice")),
            (secrets, ("token_bytes", "token_hex", "token_urlsafe", "randbelow")),
            (uuid, ("uuid1", "uuid4")),
            (os, ("urandom",)),
        ):
            for name in names:
                patch.setattr(module, name, refuse)
        yield
