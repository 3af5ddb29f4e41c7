"""GET of an upload's `/status`: answered at once, or, with `wait`, once the upload's revision isn't the one that the
client names, or after so many seconds."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.tus import TusClient


async def test_the_state_is_told_at_once(client: TusClient) -> None:
    url = await client.create(10, b"abc")
    answer = await client.get(f"{url}/status")
    assert (answer.status, answer.etag, answer.headers["Cache-Control"]) == (200, '"2"', "no-store")
    assert (answer.json["offset"], answer.json["revision"], answer.json["jobs"]) == (3, 2, [])


async def test_a_known_revision_is_waited_out(client: TusClient) -> None:
    url = await client.create(10)
    waiting = asyncio.create_task(client.get(f"{url}/status?wait=60&revision=1"))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    await client.patch(url, 0, b"abc")
    assert (await waiting).json["offset"] == 3
    assert (await client.get(f"{url}/status?wait=60&revision=1")).json["offset"] == 3
    assert (await client.get(f"{url}/status?wait=0.2&revision=2")).json["revision"] == 2
    assert (await client.get(f"{url}/status?revision=99")).json["revision"] == 2


async def test_the_end_is_told_to_those_who_know_a_revision(client: TusClient) -> None:
    url = await client.create(10)
    waiting = asyncio.create_task(client.get(f"{url}/status?wait=60&revision=1"))
    await asyncio.sleep(0.5)
    await client.request("DELETE", url)
    answer = await waiting
    end = {"id": url.rpartition("/")[2], "phase": "gone", "end": "terminated", "revision": 2}
    assert (answer.status, answer.json) == (200, end)
    assert (await client.get(f"{url}/status?wait=60&revision=7")).json == end
    assert (await client.get(f"{url}/status")).status == 404


@pytest.mark.parametrize(
    "query", ["revision=x", "revision=-1", "wait=x", "wait=-1", "wait=1e3", "revision=" + "1" * 19]
)
async def test_what_cannot_be_read_is_refused(client: TusClient, query: str) -> None:
    url = await client.create(10)
    answer = await client.get(f"{url}/status?{query}")
    assert (answer.status, answer.body.partition(b":")[0]) == (400, b"bad-query")
