"""A bucket that an operator deletes and makes again under the same name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devtools.seaweed import SeaweedFS
from tests.faults.journeys import LARGE, PART, PARTIAL, upload
from tests.support.exchange import Answer
from tests.support.node import MIB, Node
from tests.support.parts import started
from tests.support.tus import TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """A server whose bucket no other test needs."""
    with started(SeaweedFS(tmp_path_factory.mktemp("seaweed"))) as server:
        yield server


def unavailable(answer: Answer) -> bool:
    return answer.status == 503 and int(answer.headers["Retry-After"]) > 0


async def ready(node: Node, client: TusClient) -> bool:
    return (await client.fetch(f"{node.server.origin}/readyz")).status == 200


async def begin_again(client: TusClient, url: str, data: bytes) -> None:
    """Check that an upload whose bytes were lost with the bucket is at 0 and takes all its bytes again, and terminate
    it."""
    assert await client.offset(url) == 0
    assert (await client.patch(url, 0, data)).offset == len(data)
    assert await client.content(url) == data
    await client.terminate(url)


async def test_a_missing_bucket_is_reported_until_replaced(
    node: Node, client: TusClient, elsewhere: TusClient, seaweed: SeaweedFS
) -> None:
    """Without its bucket the server isn't ready and answers 503 to GET, PATCH and a creation with bytes, but still
    tells offsets. With a new bucket, one more PATCH answers 503, then an unfinished upload begins again at 0; a
    finished one is 404."""
    whole, parts, tail = [await client.create(len(data), None) for data in (PARTIAL, LARGE, PARTIAL)]
    await client.patch(whole, 0, PARTIAL)
    await client.patch(parts, 0, LARGE[: PART + MIB])
    await client.patch(tail, 0, PARTIAL[:MIB])
    elsewhere_url = tail.replace(client.url, elsewhere.url)

    seaweed.client(seaweed.admin).delete_bucket(Bucket=seaweed.bucket)
    assert unavailable(await client.fetch(whole))
    assert unavailable(await client.patch(parts, PART + MIB, LARGE[PART + MIB :]))
    assert unavailable(await elsewhere.patch(elsewhere_url, MIB, PARTIAL[MIB:]))
    assert unavailable(await client.try_create(3, b"abc"))
    assert (await client.fetch(f"{node.server.origin}/readyz")).status == 503
    assert await client.offset(parts) == PART + MIB, "the bucket may come back"

    seaweed.client(seaweed.admin).create_bucket(Bucket=seaweed.bucket)
    assert (await client.fetch(whole)).status == 404
    assert unavailable(await client.patch(parts, PART + MIB, LARGE[PART + MIB :]))
    assert unavailable(await elsewhere.patch(elsewhere_url, MIB, PARTIAL[MIB:]))
    await begin_again(client, parts, LARGE)
    await begin_again(client, tail, PARTIAL)
    await client.terminate(whole)
    await client.terminate(await upload(node, client))
    await until(lambda: ready(node, client))
