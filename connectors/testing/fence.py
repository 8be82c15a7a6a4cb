"""A fence around pure code: inside it, opening a socket fails."""

from __future__ import annotations

import socket
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
