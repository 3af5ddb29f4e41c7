"""Uploads at every point of their life, and what of them is still there."""

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
    """All that still names one of these uploads."""
    everything = [*await node.residue(), *node.remembered()]
    ids = [upload_id(url) for url in urls]
    return [trace for trace in everything if any(name in trace for name in ids)]


async def until_gone(node: Node, *urls: str, within: float = 30.0) -> None:
    """Waits until all is removed: an object that may still land is remembered half a minute, and removed again."""

    async def is_gone() -> bool:
        return not await traces(node, *urls)

    await until(is_gone, within)


async def crash(node: Node, url: str, operation: str) -> None:
    """S3 did it, and the server died before it could write that down."""
    gate = Gate()
    node.s3.faults.rule(operation, 1, after_forwarding(hold(gate)))
    async with patching(url, 0, len(DATA)) as request:
        await request.send(DATA[: PART + MIB])
        if operation == "PutObject":
            request.finish()
        await gate.reached.wait()
        await node.restart()
