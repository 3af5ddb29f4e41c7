"""Large exports stay within a bound of memory, and common programs read them."""

from __future__ import annotations

import asyncio
import subprocess
import zipfile
import zlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp
import pytest

from devtools.part import need
from tests.jobs.asking import JobClient
from tests.jobs.exporting import export
from tests.support.installation import Start
from tests.support.node import watched_memory
from tests.support.parts import present
from tests.support.writing import random_bytes

MIB = 1024 * 1024
GIB = 1024 * MIB
ABOVE = 64 * MIB
_PATIENCE = 3600.0
"""Seconds in which even a huge export ends."""
BLOCK = random_bytes(MIB)
READERS = {"unzip": ("-tqq",), "bsdtar": ("-xOf",)}
"""Programs, each with the arguments by which it reads all of an archive. bsdtar uses libarchive, as desktops do."""


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([3 * MIB, 100 * MIB, 0, 60 * MIB + 1], id="small"),
        pytest.param([5 * GIB, *[GIB + 1] * 5], marks=[pytest.mark.huge, pytest.mark.timeout(5400)], id="10 GiB"),
    ],
)
async def test_an_export_takes_no_more_memory_than_the_budget(
    start: Start, tmp_path: Path, sizes: Sequence[int]
) -> None:
    """While an export is made, the server's memory grows by less than 64 MiB; `unzip` and `bsdtar` can read the
    archive. The huge archive needs zip64: one member is larger than 4 GiB, and so is the whole."""
    programs = [present(lambda name=name: need(name, "run `make test`")) for name in READERS]  # type: ignore[misc]
    server = start(memory_budget="32MiB")
    await server.start()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        client = JobClient(session, server)
        ids = [await _upload(client, size, number) for number, size in enumerate(sizes)]
        async with watched_memory(server) as samples:
            job = await export(client, patience=_PATIENCE, ids=ids)
    assert job["phase"] == "done", job
    result = job["result"]
    print(f"{sum(sizes) // MIB} MiB of members, at most {(max(samples) - samples[0]) // MIB} MiB above the idle server")
    assert max(samples) - samples[0] < ABOVE
    path = tmp_path / "data" / str(result["url"]).rpartition("/")[2]
    assert path.stat().st_size == result["length"]
    await asyncio.to_thread(_compare, path, sizes)
    for program, arguments in zip(programs, READERS.values(), strict=True):
        command = (program, *arguments, str(path))
        await asyncio.to_thread(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)


async def _upload(client: JobClient, size: int, number: int) -> str:
    url = await client.create(size, upload_metadata="filename bWVtYmVyLmJpbg==")
    if size:
        patched = await client.patch(url, 0, _content(size, number), content_length=str(size))
        assert patched.offset == size
    return url.rpartition("/")[2]


async def _content(size: int, number: int) -> AsyncIterator[bytes]:
    """Yield the `size` bytes of a member in blocks of 1 MiB, the last one cut. Each block begins with the member's
    number and the block's offset, so that no two whole blocks are equal."""
    for start in range(0, size, MIB):
        yield _block(number, start)[: size - start]


def _block(number: int, start: int) -> bytes:
    return number.to_bytes(2, "big") + start.to_bytes(8, "big") + BLOCK[10:]


def _compare(path: Path, sizes: Sequence[int]) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        assert [member.file_size for member in members] == list(sizes)
        for number, member in enumerate(members):
            assert _checksum(number, member.file_size) == member.CRC
            with archive.open(member) as content:
                while content.read(MIB):  # raises BadZipFile at the end if the checksum is wrong
                    pass


def _checksum(number: int, size: int) -> int:
    checksum = 0
    for start in range(0, size, MIB):
        checksum = zlib.crc32(_block(number, start)[: size - start], checksum)
    return checksum
