"""Where the bytes are: a directory, or storage that speaks S3. A file's name is its SHA-256, so nothing is kept twice
and nothing that a sender chose becomes a path."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Protocol

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_PIECE: Final = 65_536


class MediaError(Exception):
    """The bytes could not be kept or read; the message says where and why."""


class MediaStore(Protocol):
    """Keeps bytes by hash."""

    async def put(self, data: bytes) -> str:
        """Keeps them durably and returns their SHA-256 in hex.

        Raises:
            MediaError: they could not be kept.
        """
        ...

    async def read(self, sha256: str) -> AsyncIterator[bytes] | None:
        """The bytes in pieces; None when they are not here."""
        ...

    async def get(self, sha256: str) -> bytes | None:
        """All the bytes at once, for small files."""
        ...

    async def forget(self, before: float) -> int:
        """Removes what was last put before that time, seconds since 1970; how many files. A bucket does it by a
        life-cycle rule of its own."""
        ...


class DirectoryMedia:
    """A directory, two levels deep; shared over the network when there are several hosts."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def put(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            await asyncio.to_thread(self._write, self._path(sha256), data)
        except OSError as error:
            raise MediaError(f"cannot write to {self._directory}: {error.strerror}") from None
        return sha256

    async def read(self, sha256: str) -> AsyncIterator[bytes] | None:
        if not _HASH.fullmatch(sha256) or not self._path(sha256).is_file():
            return None
        return self._pieces(self._path(sha256))

    async def get(self, sha256: str) -> bytes | None:
        if not _HASH.fullmatch(sha256):
            return None
        try:
            return await asyncio.to_thread(self._path(sha256).read_bytes)
        except FileNotFoundError:
            return None

    async def _pieces(self, path: Path) -> AsyncIterator[bytes]:
        file = await asyncio.to_thread(path.open, "rb")
        try:
            while piece := await asyncio.to_thread(file.read, _PIECE):
                yield piece
        finally:
            file.close()

    async def forget(self, before: float) -> int:
        return await asyncio.to_thread(self._forget, before)

    def _forget(self, before: float) -> int:
        gone = 0
        for path in self._directory.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"):
            try:
                if path.stat().st_mtime < before:
                    path.unlink()
                    gone += 1
            except FileNotFoundError:
                continue  # another copy was faster
        return gone

    def _path(self, sha256: str) -> Path:
        return self._directory / sha256[:2] / sha256[2:4] / sha256

    def _write(self, path: Path, data: bytes) -> None:
        if _is_there(path):
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Complete and on the disk before it has its name: a file of that name is always the whole of it.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.unlink(file.name)
                raise
        os.replace(file.name, path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _is_there(path: Path) -> bool:
    """Whether the file is there; it is wanted again, and its time of being kept begins anew."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


class S3Media:
    """A bucket. ``client`` is an open aiobotocore S3 client (extra ``s3``)."""

    def __init__(self, client: Any, bucket: str, prefix: str = "") -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    async def put(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            await self._client.put_object(Bucket=self._bucket, Key=self._prefix + sha256, Body=data)
        except Exception as error:
            raise MediaError(f"cannot write to bucket {self._bucket}: {type(error).__name__}") from None
        return sha256

    async def read(self, sha256: str) -> AsyncIterator[bytes] | None:
        body = await self._object(sha256)
        return None if body is None else self._pieces(body)

    async def get(self, sha256: str) -> bytes | None:
        body = await self._object(sha256)
        if body is None:
            return None
        async with body:
            data: bytes = await body.read()
        return data

    async def forget(self, before: float) -> int:
        return 0

    async def _object(self, sha256: str) -> Any:
        if not _HASH.fullmatch(sha256):
            return None
        try:
            answer = await self._client.get_object(Bucket=self._bucket, Key=self._prefix + sha256)
        except self._client.exceptions.NoSuchKey:
            return None
        return answer["Body"]

    async def _pieces(self, body: Any) -> AsyncIterator[bytes]:
        async with body:
            while piece := await body.read(_PIECE):
                yield piece
