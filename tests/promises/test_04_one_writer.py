"""Promise 4: one writer, which makes way at once, and which can harm nothing once it has lost the lock."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from aiohttp.web import StreamResponse

from tests.support.node import MIB, PART, Node, client_of
from tests.support.raw import patching
from tests.support.s3exchange import Exchange
from tests.support.s3faults import Action, Gate, hold
from tests.support.sleep import asleep
from tests.support.turns import making_way
from tests.support.tus import TusClient
from tests.support.uploader import Uploader
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")

TTL = 3.0
ANSWERED = "done, its answer on the way"
COUNT = PART + MIB
DATA = random_bytes(3 * PART)


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return {"lock_ttl": TTL}


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
async def test_a_stalled_writer_makes_way(node: Node, client: TusClient, method: str) -> None:
    base, url = await node.received(), await client.create(len(DATA))
    async with patching(url, 0, len(DATA)) as stalled:
        await stalled.send(DATA[:COUNT])
        await node.until_received(base + COUNT)
        with making_way():
            match method:
                case "PATCH":
                    assert (await client.patch(url, COUNT, DATA[COUNT : COUNT + 1])).offset == COUNT + 1
                case "HEAD":
                    assert await client.offset(url) == COUNT
                case _:
                    await client.terminate(url)
        assert await stalled.status() == 423
    if method == "DELETE":
        assert (await client.head(url)).status == 404
    else:
        offset = await client.offset(url)
        assert (await client.patch(url, offset, DATA[offset:])).offset == len(DATA)
        assert await client.content(url) == DATA


async def test_a_writer_of_another_process_makes_way(node: Node, client: TusClient) -> None:
    base, url = await node.received(), await client.create(len(DATA))
    second = node.new_server()
    await second.start()
    try:
        async with client_of(second) as elsewhere, patching(url, 0, len(DATA)) as stalled:
            await stalled.send(DATA[:COUNT])
            await node.until_received(base + COUNT)
            with making_way():
                assert await elsewhere.offset(url.replace(client.url, elsewhere.url)) == COUNT
    finally:
        await second.kill()


async def test_two_requests_at_once_never_both_append(client: TusClient) -> None:
    url = await client.create(2 * MIB)
    answers = await asyncio.gather(*(client.patch(url, 0, bytes([number]) * MIB) for number in range(1, 7)))
    assert {answer.status for answer in answers} <= {204, 409, 423}
    offset = await client.offset(url)
    await client.patch(url, offset, bytes(2 * MIB - offset))
    content = await client.content(url)
    assert content == content[:1] * offset + bytes(2 * MIB - offset)


async def test_a_holder_that_died_is_replaced(node: Node, client: TusClient) -> None:
    base, url = await node.received(), await client.create(len(DATA))
    async with patching(url, 0, len(DATA)) as request:
        await request.send(DATA[:COUNT])
        await node.until_received(base + COUNT)
        await node.restart()
        started = time.monotonic()
        offset = await client.offset(url)
        assert time.monotonic() - started < TTL
    assert offset in (0, PART)


def hold_answer(gate: Gate) -> Action:
    """Return an action that forwards the request to S3, holds S3's answer back until the gate opens, and then relays
    it."""

    async def act(exchange: Exchange) -> StreamResponse:
        answer = await exchange.forward()
        gate.reached.set()
        await gate.opened.wait()
        return await exchange.relay(answer)

    return act


@pytest.mark.parametrize("finished", [False, True], ids=["in the middle", "when all is done"])
@pytest.mark.parametrize("moment", ["in transit to S3", ANSWERED])
async def test_a_holder_that_was_paused_harms_nothing_when_it_wakes(
    node: Node, client: TusClient, moment: str, *, finished: bool
) -> None:
    """A lock holder that was suspended with a part in flight, whose bytes differ from those that another node took,
    doesn't change the upload's content when it goes on."""
    url, gate, second = await client.create(len(DATA)), Gate(), node.new_server()
    node.s3.faults.rule("UploadPart", 1, hold_answer(gate) if moment == ANSWERED else hold(gate))
    await second.start()
    try:
        async with client_of(second) as elsewhere, patching(url, 0, len(DATA)) as paused:
            await paused.send(b"\0" * COUNT)
            await gate.reached.wait()
            async with asleep(node.server.pid, node.state):
                upload = Uploader(elsewhere, url.replace(client.url, elsewhere.url), DATA, chunk=PART + 1)
                started = time.monotonic()
                await upload.ask()
                assert time.monotonic() - started < 2 * TTL, "it isn't renewed, and the rest is HEAD's own"
                await (upload.run() if finished else upload.step())
                gate.opened.set()
                if moment == ANSWERED:
                    await node.until_stored(node.s3.counts()["UploadPart"])
            await paused.closed()
            await upload.run()
            assert await elsewhere.content(upload.url) == DATA
            assert await client.content(url) == DATA
    finally:
        await second.kill()
