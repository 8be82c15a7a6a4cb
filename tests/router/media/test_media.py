"""Bytes by their hash, and the links that open them."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from contracts.attachment import Attachment
from router.media.links import WEEK_S, Links
from router.media.store import DirectoryMedia, MediaError

LINKS = Links(b"k" * 32, "https://x.example", 3_600)
FILE = Attachment("at_1", "image/png", "猫.png", 3, "a" * 64, state="ready")


async def test_the_same_bytes_are_kept_once_however_many_put_them(tmp_path: Path) -> None:
    media = DirectoryMedia(tmp_path)
    data = os.urandom(300_000)
    names = await asyncio.gather(*(media.put(data) for _ in range(20)))
    assert set(names) == {hashlib.sha256(data).hexdigest()}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [
        tmp_path / names[0][:2] / names[0][2:4] / names[0]
    ]
    assert await media.get(names[0]) == data
    pieces = await media.read(names[0])
    assert pieces is not None and b"".join([piece async for piece in pieces]) == data


async def test_only_hashes_are_names(tmp_path: Path) -> None:
    media = DirectoryMedia(tmp_path / "media")
    (tmp_path / "secret").write_bytes(b"x")
    for name in ("../secret", "/etc/passwd", "", "A" * 64, "a" * 63, "a" * 64 + "\n", "a" * 64):
        assert await media.get(name) is None and await media.read(name) is None


async def test_a_directory_that_cannot_be_written_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MediaError, match="cannot write"):
        await DirectoryMedia(tmp_path / "file").put(b"x")


async def test_a_file_that_is_put_again_is_young_again(tmp_path: Path) -> None:
    media = DirectoryMedia(tmp_path)
    name = await media.put(b"x")
    path = tmp_path / name[:2] / name[2:4] / name
    os.utime(path, (1, 1))
    await media.put(b"x")
    assert path.stat().st_mtime > 1


async def test_old_files_are_forgotten_and_others_kept(tmp_path: Path) -> None:
    media = DirectoryMedia(tmp_path)
    old, young = await media.put(b"old"), await media.put(b"young")
    path = tmp_path / old[:2] / old[2:4] / old
    os.utime(path, (1_000, 1_000))
    leftover = path.parent / "tmp_left"
    leftover.write_bytes(b"half")
    os.utime(leftover, (1_000, 1_000))
    (tmp_path / "notes.txt").write_text("not ours")
    assert await media.forget(before=2_000.0) == 2
    assert await media.get(old) is None and await media.get(young) == b"young"
    assert (tmp_path / "notes.txt").exists() and not leftover.exists()
    assert await DirectoryMedia(tmp_path / "none").forget(before=2_000.0) == 0


def test_a_link_for_a_message_is_the_same_for_every_attempt() -> None:
    at = 1_700_000_123.456
    first = LINKS.lasting_url(FILE, at, at)
    assert first is not None and {LINKS.lasting_url(FILE, at, at + later) for later in (1, 60, 86_400)} == {first}
    late = LINKS.lasting_url(FILE, at, at + WEEK_S)
    assert late is not None and late != first and f"expires={int(at) + 2 * WEEK_S}" in late
    for now in (at, at + WEEK_S - 3_601, at + WEEK_S - 3_599, at + 10 * WEEK_S):
        url = LINKS.lasting_url(FILE, at, now)
        assert url is not None and int(url.partition("expires=")[2].partition("&")[0]) >= now + 3_600


def test_there_is_no_link_to_what_is_not_here() -> None:
    for file in (Attachment("at_1", "x/y"), Attachment("at_1", "x/y", sha256="a" * 64, state="failed")):
        assert LINKS.url(file) is None and LINKS.lasting_url(file, 1.0, 1.0) is None
