"""Lists of parts that are as long as allowed, or that would take far more memory than their text."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from devtools.seaweed import SeaweedFS
from tests.load.measuring import MIB, measured
from tests.support.direct import DirectClient
from tests.support.node import client_of, watched_memory

BUDGET = 32 * MIB
COUNT = 100
ROUNDS = 2
_SIZE = 2 * MIB
_PART = b'{"PartNumber":1,"ETag":"%s"}' % (b"a" * 32)
PARTS = b'{"parts":[' + b",".join([_PART] * ((_SIZE - 20) // (len(_PART) + 1))) + b"]}"
"""A list of more than three times the parts that an upload may have."""
EMPTY = b'{"parts":[' + b",".join([b"{}"] * ((_SIZE - 20) // 3)) + b"]}"
"""A list that would take 24 times its length in memory if it were parsed."""


async def _complete(session: aiohttp.ClientSession, url: str) -> list[int]:
    """Send two lists of parts to /presign, twice each, and return the statuses: `PARTS`, with more parts than allowed,
    and `EMPTY`, of empty objects. They go to /presign because it reads its body before it looks for an upload; the
    route that completes an upload reads the list only if the upload exists."""
    client = DirectClient(session, url)
    address = f"{client.url}/presign"
    return [(await client.request("POST", address, body)).status for body in (PARTS, EMPTY) * ROUNDS]


@pytest.mark.timeout(300)
async def test_long_lists_stay_within_the_budget(
    seaweed: SeaweedFS, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print()
        async with measured(seaweed, tmp_path, BUDGET, direct_uploads=True) as place:
            connector = aiohttp.TCPConnector(limit=COUNT)
            async with watched_memory(place.server) as samples, aiohttp.ClientSession(connector=connector) as session:
                lists = [asyncio.create_task(_complete(session, place.server.url)) for _ in range(COUNT)]
                async with client_of(place.server) as client:
                    url = await client.create(5)
                    assert (await client.patch(url, 0, b"hello")).status == 204
                statuses = [status for statuses_of_list in await asyncio.gather(*lists) for status in statuses_of_list]
            print({status: statuses.count(status) for status in set(statuses)})
            assert {400} <= set(statuses) <= {400, 503}
            place.check(samples, COUNT)
            await place.check_given_back(COUNT)
