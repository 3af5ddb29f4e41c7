"""Promise 8, where no client comes back: an upload that is begun and abandoned costs few S3 requests or none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.node import Node
from tests.support.s3faults import error
from tests.support.tus import TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CROWD = 30


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return {"expire_after": "6s", "direct_uploads": True, "upload_url_lifetime": "4s"}


async def until_ended(node: Node) -> None:
    """Wait until the state has no record of any upload. Raises TimeoutError after 60 seconds."""

    async def forgotten() -> bool:
        return not any('INTO "uploads"' in row for row in await asyncio.to_thread(node.remembered))

    await until(forgotten, within=60)


async def test_uploads_that_never_got_a_byte_end_without_a_request(node: Node, client: TusClient) -> None:
    expired = await node.server.metric("uploads_expired_total")
    ended, *abandoned = [await client.create(10) for _ in range(1 + CROWD)]
    await client.terminate(ended)
    await until_ended(node)
    assert await node.server.metric("uploads_expired_total") == expired + len(abandoned)
    assert node.s3.counts() == {}


async def test_forms_never_sent_cost_a_few_requests_each(node: Node, client: TusClient) -> None:
    for _ in range(CROWD):
        assert (await client.fetch(f"{client.url}s3/params?filename=x")).status == 200
    await until_ended(node)
    assert node.s3.counts() == {"HeadObject": CROWD, "GetObject": CROWD, "DeleteObject": CROWD}


async def test_each_request_is_counted_once(node: Node, client: TusClient) -> None:
    before = await node.server.metric("s3_requests_total")
    node.s3.faults.rule("PutObject", 1, error(500, "InternalError"))
    url = await client.create(3, b"abc")
    await client.terminate(url)
    assert node.s3.counts()["ListObjectsV2"] == node.s3.counts()["ListMultipartUploads"] == 1
    assert await node.server.metric("s3_requests_total") - before == node.s3.counts().total()
