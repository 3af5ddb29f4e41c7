"""Promise 3: every byte of a cut request that reached the process is kept, unless a checksum was announced or `sniff`
has too few bytes yet to tell the type."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from random import Random

import pytest

from tests.support.node import BOTH_READERS, MIB, PART, Node
from tests.support.raw import patching
from tests.support.s3faults import Gate, error, hold
from tests.support.tus import TusClient
from tests.support.writing import random_bytes

pytestmark = [pytest.mark.asyncio(loop_scope="module"), BOTH_READERS]

LENGTH = 64 * MIB
DATA = random_bytes(LENGTH)

CUTS = [1, 70_000, 5 * MIB - 1, 5 * MIB + 1, PART, PART + 1, 2 * PART - 3]
"""The bytes that each request in turn sends before it is cut: fewer and more than S3's smallest part (5 MiB), as many
as a part and one more, and nearly two parts."""


async def test_what_had_arrived_when_a_client_vanished_is_kept(node: Node, client: TusClient) -> None:
    base = await node.received()
    url, dice, offset = await client.create(LENGTH), Random(7), 0
    for count in [*CUTS, *(dice.randrange(1, 2 * MIB) for _ in range(5))]:
        async with patching(url, offset, LENGTH - offset) as request:
            await request.send(DATA[offset : offset + count])
            offset += count
            await node.until_received(base + offset)
            request.reset()
        await node.until_idle()
        assert await client.offset(url) == offset
    await client.patch(url, offset, DATA[offset:])
    assert await client.content(url) == DATA


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
async def test_what_a_client_sent_before_it_hung_up_is_kept(node: Node, client: TusClient, chunked: bool) -> None:  # noqa: FBT001 - a parameter
    url, offset = await client.create(LENGTH), 0
    for count in CUTS:
        async with patching(url, offset, None if chunked else LENGTH - offset) as request:
            piece = DATA[offset : offset + count]
            await request.send(b"%x\r\n%b\r\n" % (count, piece) if chunked else piece)
            request.finish()
            await request.closed()
        offset += count
        await node.until_idle()
        assert await client.offset(url) == offset


async def test_nothing_is_lost_while_s3_is_slow(node: Node, client: TusClient) -> None:
    base = await node.received()
    count, gate, url = PART + 3 * MIB, Gate(), await client.create(LENGTH)
    node.s3.faults.rule("UploadPart", 1, hold(gate))
    async with patching(url, 0, LENGTH) as request:
        await request.send(DATA[:count])
        await gate.reached.wait()
        await node.until_received(base + count)
        request.reset()
    asking = asyncio.create_task(client.offset(url))
    gate.opened.set()
    assert await asking == count


async def test_nothing_is_lost_when_s3_fails_just_then(node: Node, client: TusClient) -> None:
    base = await node.received()
    url = await client.create(LENGTH)
    node.s3.faults.rule("PutObject", 1, error(503, "SlowDown"))
    async with patching(url, 0, LENGTH) as request:
        await request.send(DATA[:MIB])
        await node.until_received(base + MIB)
        request.reset()
    await node.until_idle()
    assert await client.offset(url) == MIB


async def test_nothing_is_lost_when_the_server_is_stopped(node: Node, client: TusClient) -> None:
    base = await node.received()
    url = await client.create(LENGTH)
    async with patching(url, 0, LENGTH) as request:
        await request.send(DATA[: PART + 1])
        await node.until_received(base + PART + 1)
        assert await node.server.stop() == 0
        assert await request.status() == 503
    await node.server.start()
    assert await client.offset(url) == PART + 1


async def test_a_checksum_makes_it_all_or_nothing(node: Node, client: TusClient) -> None:
    base, url, count = await node.received(), await client.create(LENGTH), 2 * PART + 1
    digest = base64.b64encode(hashlib.sha1(DATA).digest()).decode()
    async with patching(url, 0, LENGTH, upload_checksum=f"sha1 {digest}") as request:
        await request.send(DATA[:count])
        await node.until_received(base + count)
        request.reset()
    await node.until_idle()
    assert await client.offset(url) == 0
    assert (await client.patch(url, 0, DATA, upload_checksum=f"sha1 {digest}")).status == 204
    assert await client.content(url) == DATA
