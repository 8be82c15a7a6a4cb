"""Calls to providers: bounded in time and size, never following a redirect, never reaching into our own network."""

from __future__ import annotations

from typing import Final

import aiohttp

from connectors.api import ProviderRequest, ProviderResponse
from router.net.guard import Forbidden, UrlRefused, check_url, connector

MOST_ANSWER: Final = 1_048_576


class TooLarge(Exception):
    """The body is larger than it may be."""


class Http:
    """One per account, so that a slow provider fills its own connections only."""

    def __init__(self, *, allow_private: bool = False, connections: int = 32) -> None:
        self._allow_private = allow_private
        self._session = aiohttp.ClientSession(
            connector=connector(allow_private=allow_private, limit=connections),
            auto_decompress=True,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def call(self, request: ProviderRequest, *, most: int = MOST_ANSWER) -> ProviderResponse:
        """The provider's answer, or in ``failure`` why there is none. Never raises for what the other side does.

        ``failure`` is one of those in :class:`ProviderResponse`, or ``too_large``. When the address is one that we do
        not go to, it is ``unreachable`` and ``body`` says why.
        """
        try:
            check_url(request.url, allow_private=self._allow_private)
            return await self._call(request, most)
        except (UrlRefused, Forbidden) as error:
            return _refused(str(error))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            cause = getattr(error, "os_error", None)
            return _refused(str(cause)) if isinstance(cause, Forbidden) else ProviderResponse(failure="unreachable")
        except TimeoutError:
            return ProviderResponse(failure="timeout")
        except TooLarge:
            return ProviderResponse(status=200, failure="too_large")
        except (aiohttp.ClientError, OSError):
            return ProviderResponse(failure="reset")
        except ValueError:
            # Raised before anything is sent: a line break in a header, a host that is no name.
            return _refused("the request cannot be written as HTTP")

    async def _call(self, request: ProviderRequest, most: int) -> ProviderResponse:
        async with self._session.request(
            request.method,
            request.url,
            headers={**request.headers, **request.secret_headers},
            data=request.body or None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=request.timeout_s, connect=5),
        ) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return ProviderResponse(answer.status, headers, await _body(answer, most))

    async def close(self) -> None:
        """Ends the connections."""
        await self._session.close()


def _refused(why: str) -> ProviderResponse:
    return ProviderResponse(failure="unreachable", body=why.encode())


async def _body(answer: aiohttp.ClientResponse, most: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in answer.content.iter_chunked(65_536):
        size += len(piece)
        if size > most:
            raise TooLarge
        pieces.append(piece)
    return b"".join(pieces)
