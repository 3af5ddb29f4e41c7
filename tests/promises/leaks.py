"""Uploads at every point of their life, and a search for what is left of them."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.bucket import upload_id
from tests.support.node import MIB, PART, Node
from tests.support.raw import patching
from tests.support.s3faults import Gate, after_forwarding, hold
from tests.support.tus import TusClient, until
from tests.support.writing import random_bytes

DATA = random_bytes(2 * PART + MIB)
SENT: Mapping[str, int] = {
    "nothing": 0,
    "a tail": MIB,
    "a part": PART,
    "parts and a tail": PART + MIB,
    "all": len(DATA),
}


async def begin(client: TusClient, size: int, **headers: str) -> str:
    url = await client.create(len(DATA), **headers)
    if size:
        assert (await client.patch(url, 0, DATA[:size])).offset == size
    return url


async def traces(node: Node, *urls: str) -> list[str]:
    """Return the keys in S3 and the rows of the state that contain the id of one of these uploads."""
    everything = [*await node.residue(), *node.remembered()]
    ids = [upload_id(url) for url in urls]
    return [trace for trace in everything if any(name in trace for name in ids)]


async def until_gone(node: Node, *urls: str, within: float = 30.0) -> None:
    """Wait until S3 and the state hold nothing of these uploads. Raises TimeoutError after `within` seconds. The record
    of an ended upload with a trouble stays for half a minute: an object may still arrive in S3, which the server then
    removes."""

    async def is_gone() -> bool:
        return not await traces(node, *urls)

    await until(is_gone, within)


async def crash(node: Node, url: str, operation: str) -> None:
    """Send a part and a tail, and kill and restart the server after S3 has done the first `operation` and before its
    answer arrives."""
    gate = Gate()
    node.s3.faults.rule(operation, 1, after_forwarding(hold(gate)))
    async with patching(url, 0, len(DATA)) as request:
        await request.send(DATA[: PART + MIB])
        if operation == "PutObject":
            request.finish()
        await gate.reached.wait()
        await node.restart()
