"""Many uploads in small requests at once: memory is too short for all their tails, so the tails are read again from S3
when the parts are sent."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from devtools.seaweed import SeaweedFS
from tests.load.measuring import MIB, measured
from tests.support.node import client_of, watched_memory
from tests.support.tus import TusClient

BUDGET = 32 * MIB
PART = 5 * MIB
COUNT, PIECE = 100, MIB


async def _all_but_the_end(client: TusClient) -> str:
    """Create an upload of 5 MiB and a byte, and send all but its last two bytes, in requests of 1 MiB: its first part
    lacks one byte. Return its URL."""
    url = await client.create(PART + 1)
    for offset in range(0, PART, PIECE):
        await client.patch(url, offset, bytes(min(PIECE, PART - 1 - offset)))
    return url


@pytest.mark.timeout(300)
async def test_tails_that_are_read_again_stay_within_the_budget(
    seaweed: SeaweedFS, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print()
        async with measured(seaweed, tmp_path, BUDGET, part_size=PART) as place, client_of(place.server) as client:
            urls = await asyncio.gather(*(_all_but_the_end(client) for _ in range(COUNT)))
            async with watched_memory(place.server) as samples:
                ended = await asyncio.gather(*(client.patch(url, PART - 1, b"ab") for url in urls))
            assert {answer.status for answer in ended} == {204}
            place.check(samples, COUNT)
            await place.check_given_back(COUNT)
