"""TLS. The wheel's server speaks none, so a TLS listener of ours stands before it, as a managed service's does."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.store import StoreConfigError, StoreUnavailable
from tests.router.store.conftest import OpenStore
from tests.servers.valkey import ValkeyServer

pytestmark = [
    pytest.mark.store,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]


def _certificate(directory: Path, names: str) -> ssl.SSLContext:
    """A self-signed certificate for `names`; `ca.pem` in the directory trusts it."""
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-subj", "/CN=store", "-addext", f"subjectAltName={names}"]
    command += ["-keyout", str(directory / "key.pem"), "-out", str(directory / "ca.pem")]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "ca.pem", directory / "key.pem")
    return context


@contextlib.asynccontextmanager
async def _terminator(server: ValkeyServer, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Takes TLS, passes plain bytes on. Yields its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        there, back = await asyncio.open_connection(server.host, server.port)
        try:
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        finally:
            tasks.discard(task)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.transport.abort()


async def test_hot_and_cold_path(valkey: ValkeyServer, tmp_path: Path, open_store: OpenStore) -> None:
    async with _terminator(valkey, _certificate(tmp_path, "IP:127.0.0.1,DNS:localhost")) as port:
        for host in ("127.0.0.1", "localhost"):
            store = await open_store(f"rediss://{host}:{port}", tls_ca_file=tmp_path / "ca.pem")
            lane = store.lane("t")
            big = b"x" * 300_000
            await lane.call("k", "SET", "k", big)
            assert await asyncio.gather(*(lane.call("k", "GET", "k") for _ in range(10))) == [big] * 10
            assert await store.client.get("k") == big
            await store.close()


async def test_an_unknown_authority_is_refused(valkey: ValkeyServer, tmp_path: Path, open_store: OpenStore) -> None:
    async with _terminator(valkey, _certificate(tmp_path, "IP:127.0.0.1")) as port:
        with pytest.raises(StoreConfigError, match=r"not trusted: self.signed.*tls_ca_file"):
            await open_store(f"rediss://127.0.0.1:{port}")


async def test_another_hosts_certificate_is_refused(
    valkey: ValkeyServer, tmp_path: Path, open_store: OpenStore
) -> None:
    async with _terminator(valkey, _certificate(tmp_path, "DNS:elsewhere.example")) as port:
        with pytest.raises(StoreConfigError, match="not trusted"):
            await open_store(f"rediss://127.0.0.1:{port}", tls_ca_file=tmp_path / "ca.pem")


async def test_tls_to_a_plain_server(valkey: ValkeyServer, open_store: OpenStore) -> None:
    with pytest.raises(StoreUnavailable, match=r"cannot connect|did not let us in"):
        await open_store(f"rediss://{valkey.address}", connect_timeout_ms=1_000)


async def test_files_that_are_not_there(valkey: ValkeyServer, tmp_path: Path, open_store: OpenStore) -> None:
    with pytest.raises(StoreConfigError, match=r"TLS files .* cannot be used"):
        await open_store(f"rediss://{valkey.address}", tls_ca_file=tmp_path / "none.pem")
