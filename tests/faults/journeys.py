"""Uploads of a client, from the first request to the last, with any fault behind the server.

The client goes on as tus-js-client does and checks all it is told; at the end the object is there and nothing else is.
"""

from __future__ import annotations

from contextlib import suppress

from tests.support.exchange import Answer
from tests.support.node import MIB, Node
from tests.support.tus import TusClient, until
from tests.support.uploader import Uploader
from tests.support.writing import random_bytes

PART = 5 * MIB
SMALL = random_bytes(MIB)
LARGE = random_bytes(2 * PART + MIB + 7)
PARTIAL = random_bytes(PART + MIB)


class Watched(Uploader):
    """An uploader that checks, once all bytes are acknowledged, that S3 has the object in its full size."""

    def __init__(self, node: Node, client: TusClient, url: str, data: bytes, *, bytes_sent: int = 0) -> None:
        super().__init__(client, url, data, chunk=4 * MIB)
        self.acknowledged = self._bytes_sent = bytes_sent
        self.offset_requests = 0
        """The number of times that the client had to ask for the offset."""
        self._node = node

    async def ask(self) -> None:
        self.offset_requests += 1
        await super().ask()

    async def _tell(self, answer: Answer) -> None:
        await super()._tell(answer)
        if self.acknowledged == len(self._data):
            assert await self._node.object_size(self.url) == self.acknowledged


async def upload(node: Node, client: TusClient, data: bytes = LARGE, *, noticed: bool = False) -> str:
    """Upload the bytes by PATCH after PATCH, check the object, and return the upload's URL. Unless `noticed`, no PATCH
    may fail: the client must not have to ask for the offset."""
    url = await client.create(len(data))
    uploading = Watched(node, client, url, data)
    await uploading.run()
    assert noticed or not uploading.offset_requests
    return await arrived(node, client, url, data)


async def upload_at_once(node: Node, client: TusClient) -> str:
    """Upload SMALL with the creation, check the object, and return the upload's URL."""
    return await arrived(node, client, await client.create(len(SMALL), SMALL), SMALL)


async def concatenate(node: Node, client: TusClient) -> str:
    partials = [await client.create(len(PARTIAL), PARTIAL, upload_concat="partial") for _ in range(2)]
    fields = {"upload_concat": f"final;{' '.join(partials)}"}
    answer = await client.request("POST", client.url, **fields)
    assert answer.status == 201, answer
    for partial in partials:
        await client.terminate(partial)
    return await arrived(node, client, answer.headers["Location"], 2 * PARTIAL)


async def begin(client: TusClient) -> str:
    """Create an upload of LARGE, send one part and a tail of it, and return its URL."""
    url = await client.create(len(LARGE))
    assert (await client.patch(url, 0, LARGE[: PART + MIB])).status == 204
    return url


async def arrived(node: Node, client: TusClient, url: str, data: bytes) -> str:
    assert await client.offset(url) == len(data)
    assert await node.stored(url) == data
    assert await client.content(url) == data
    return url


async def wait_until_gone(node: Node, client: TusClient, url: str, within: float = 15.0) -> None:
    """Terminate the upload, check that it answers 404, and wait up to `within` seconds until S3 and the state have
    nothing left of any upload but records of trouble; else raise AssertionError. A state in Redis isn't looked at."""
    await client.terminate(url)
    assert (await client.head(url)).status == 404
    await nothing_left(node, within)


async def nothing_left(node: Node, within: float = 15.0) -> None:
    """Wait up to `within` seconds until S3 and the state, if it is SQLite, have nothing left of any upload, else raise
    AssertionError. A state in Redis isn't looked at. Records of trouble aren't counted: they stay for half a minute,
    until nothing can come of them any more (tests/promises/test_10_…, tests/contracts/engine)."""
    remaining: list[str] = []

    async def empty() -> bool:
        remaining[:] = [*(row for row in node.remembered() if '"troubled_at":null' in row), *await node.residue()]
        return not remaining

    with suppress(TimeoutError):
        await until(empty, within)
    assert not remaining, remaining
