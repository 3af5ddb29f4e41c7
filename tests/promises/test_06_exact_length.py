"""Promise 6: a complete upload has exactly its declared length; a shorter body is only progress, and one that turns out
too long is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.node import BOTH_READERS, MIB, PART, Node
from tests.support.raw import patching
from tests.support.tus import TusClient
from tests.support.writing import random_bytes

pytestmark = [pytest.mark.asyncio(loop_scope="module"), BOTH_READERS]


async def chunked(data: bytes) -> AsyncIterator[bytes]:
    """Yield the data in chunks of 64 KiB, as a body without Content-Length."""
    for start in range(0, len(data), 65_536):
        yield data[start : start + 65_536]


@pytest.mark.parametrize("length", [3, 6 * MIB, PART])
@pytest.mark.parametrize("surplus", [1, MIB])
async def test_a_body_that_turns_out_too_long_leaves_nothing(
    node: Node, client: TusClient, length: int, surplus: int
) -> None:
    url, data = await client.create(length), random_bytes(length)
    stored, remembered = await node.residue(), node.remembered()
    assert (await client.patch(url, 0, chunked(data + bytes(surplus)))).status == 413
    assert await client.offset(url) == 0
    assert await node.residue() == stored
    assert node.remembered() == remembered
    assert (await client.patch(url, 0, chunked(data))).offset == length
    assert await client.content(url) == data


async def test_a_too_long_body_is_refused_after_a_part(node: Node, client: TusClient) -> None:
    """A body that turns out too long after a part of it was stored is refused with 413; the offset stays 0, and the
    upload can still be sent."""
    data = random_bytes(PART + MIB)
    url = await client.create(len(data))
    async with patching(url, 0, None) as request:
        await request.send(b"%x\r\n%b\r\n" % (len(data), data))
        await node.until_stored(parts=1)
        await request.send(b"1\r\n!\r\n0\r\n\r\n")
        assert await request.status() == 413
    assert await client.offset(url) == 0
    assert (await client.patch(url, 0, data)).offset == len(data)
    assert await client.content(url) == data


async def test_a_body_that_turns_out_too_long_is_not_read_to_its_end(node: Node, client: TusClient) -> None:
    url, before = await client.create(10), await node.received()
    async with patching(url, 0, None) as request:
        await request.send(b"b\r\n01234567890\r\n")
        assert await request.status() == 413
    assert await node.received() - before <= 10
    assert await client.offset(url) == 0


async def test_a_creation_with_too_long_a_body_creates_nothing(node: Node, client: TusClient) -> None:
    stored, remembered = await node.residue(), node.remembered()
    assert (await client.try_create(10, chunked(b"01234567890"))).status == 413
    assert (await client.try_create(10, b"01234567890")).status == 413
    assert await node.residue() == stored
    assert node.remembered() == remembered


async def test_a_short_body_is_progress_and_never_complete(node: Node, client: TusClient) -> None:
    url, data = await client.create(PART + 1), random_bytes(PART + 1)
    assert (await client.patch(url, 0, chunked(data[:PART]))).offset == PART
    assert (await client.fetch(url)).status == 404
    assert await node.object_size(url) is None
    assert (await client.patch(url, PART, data[PART:])).offset == PART + 1
    assert await node.object_size(url) == PART + 1


async def test_a_deferred_length_holds_once_it_is_declared(client: TusClient) -> None:
    url = await client.create(None, b"01234")
    assert (await client.patch(url, 5, b"5678", upload_length="8")).status == 413
    assert (await client.patch(url, 5, b"", upload_length="4")).status == 400
    assert (await client.patch(url, 5, b"567", upload_length="8")).offset == 8
    assert await client.content(url) == b"01234567"
