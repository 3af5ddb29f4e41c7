"""A form with one large file makes the server's memory grow by less than 64 MiB with a budget of 32 MiB, and a form of
many files is taken with that budget."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.plain.conftest import Open, Place
from tests.plain.forms import PlainClient, encoded, file, form_fields
from tests.support.writing import random_bytes

MIB = 1024 * 1024
BLOCK = random_bytes(MIB)
SMALL = {"memory_budget": "32MiB"}


async def parts(place: Place, peak: list[int], mib: int) -> AsyncIterator[bytes]:
    """Yield a form with one file of `mib` MiB; append the server's memory in bytes to `peak` after each MiB."""
    before, _, after = encoded([file(b"content", "large.bin")]).partition(b"content")
    yield before
    for _ in range(mib):
        yield BLOCK
        peak.append(place.server.rss())
    yield after


async def send(place: Place, mib: int) -> str:
    """POST a form with one file of `mib` MiB, and check that the server's resident memory grows by less than 64 MiB.
    Return the URL of the file's upload."""
    begin, peak = place.server.rss(), list[int]()
    timeout = aiohttp.ClientTimeout(total=None, sock_read=600)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        body = parts(place, peak, mib)
        async with session.post(place.server.url, data=body, headers=form_fields()) as answer:
            assert answer.status == 201, await answer.text()
            (upload,) = (await answer.json())["uploads"]
    assert upload["length"] == mib * MIB
    assert max(peak) - begin < 64 * MIB
    return str(upload["url"])


async def test_a_large_file_takes_no_more_memory_than_the_budget(start: Open) -> None:
    async with start(**SMALL) as place, aiohttp.ClientSession() as session, session.get(await send(place, 64)) as got:
        assert await got.read() == BLOCK * 64


@pytest.mark.huge
@pytest.mark.timeout(1800)
async def test_a_huge_file_takes_no_more_memory_than_the_budget(start: Open) -> None:
    async with start(**SMALL, part_size="8MiB") as place:
        await send(place, 5 * 1024)


async def test_a_thousand_small_files(start: Open, storage: str) -> None:
    count = 1000 if storage == "disk" else 100
    async with start(**SMALL) as place, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        client = PlainClient(session, place.server.url)
        answer = await client.post(*(file(str(number).encode(), f"{number}.txt") for number in range(count)))
        uploads = answer.json["uploads"]
        assert [upload["filename"] for upload in uploads] == [f"{number}.txt" for number in range(count)]
        assert await client.content(uploads[count // 2]["url"]) == str(count // 2).encode()
