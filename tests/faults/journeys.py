"""What a client does with an upload, from its first request to its last, whatever happens behind the server.

It retries as tus-js-client does and checks all it is told; at the end the object is there and nothing else is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp

from tests.promises.bench import MIB, Node, some_bytes
from tests.promises.client import VERSION, Answer, Client, Uploader, until

PART = 5 * MIB
SMALL = some_bytes(MIB)
LARGE = some_bytes(2 * PART + MIB + 7)
PARTIAL = some_bytes(PART + MIB)


class Watched(Uploader):
    """An upload that is shown as complete must be in S3, whole, at that moment."""

    def __init__(self, node: Node, client: Client, url: str, data: bytes, *, sent: int = 0) -> None:
        super().__init__(client, url, data, chunk=4 * MIB)
        self.told = self._sent = sent
        self._node = node

    async def _tell(self, answer: Answer) -> None:
        await super()._tell(answer)
        if self.told == len(self._data):
            assert await self._node.object_size(self.url) == self.told


async def insist(ask: Callable[[], Awaitable[Answer]], status: int) -> Answer:
    """Ask until the answer is `status`; all else that may come is a broken connection, 503, or 423."""
    async with asyncio.timeout(100):
        while True:
            try:
                answer = await ask()
            except aiohttp.ClientError:
                continue
            if answer.status == status:
                return answer
            assert answer.status in (423, 503), answer
            await asyncio.sleep(0.05)


async def upload(node: Node, client: Client, data: bytes = LARGE) -> str:
    """PATCH after PATCH."""
    url = await client.create(len(data))
    await Watched(node, client, url, data).run()
    return await arrived(node, client, url, data)


async def upload_at_once(node: Node, client: Client) -> str:
    """All bytes come with the creation."""
    answer = await insist(lambda: client.post(len(SMALL), SMALL), 201)
    return await arrived(node, client, answer.headers["Location"], SMALL)


async def concatenate(node: Node, client: Client) -> str:
    partials = [await client.create(len(PARTIAL), PARTIAL, Upload_Concat="partial") for _ in range(2)]
    told = {**VERSION, "Upload_Concat": f"final;{' '.join(partials)}"}
    answer = await insist(lambda: client.request("POST", client.url, **told), 201)
    for partial in partials:
        await client.delete(partial)
    return await arrived(node, client, answer.headers["Location"], 2 * PARTIAL)


async def begin(client: Client) -> str:
    """Parts and a tail, and no more."""
    url = await client.create(len(LARGE))
    assert (await client.patch(url, 0, LARGE[: PART + MIB])).status == 204
    return url


async def arrived(node: Node, client: Client, url: str, data: bytes) -> str:
    assert await client.offset(url) == len(data)
    assert await node.stored(url) == data
    answer = await insist(lambda: client.request("GET", url), 200)
    assert answer.body == data
    return url


async def gone(node: Node, client: Client, url: str) -> None:
    """DELETE is final, and in the end nothing at all is left."""
    await insist(lambda: client.request("DELETE", url, **VERSION), 204)
    assert (await client.head(url)).status == 404
    await nothing_left(node)


async def nothing_left(node: Node, within: float = 15.0) -> None:
    """In S3 and in the state, after a sweep at the latest."""
    left: list[str] = []

    async def empty() -> bool:
        left[:] = [*node.remembered(), *await node.residue()]
        return not left

    with suppress(TimeoutError):
        await until(empty, within)
    assert not left, left
