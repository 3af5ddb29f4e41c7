"""Promise 8 with info objects: an unfinished upload of which S3 holds bytes has one small object more, written once; an
upload that comes in one PUT of S3 has none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.node import PART, Node
from tests.support.tus import TusClient
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEPT = {"PutObject": 1, "DeleteObject": 1}
"""The S3 requests that an info object adds to those of a multipart upload."""


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return {"s3_info_objects": True}


async def test_an_upload_of_one_put_has_none(node: Node, client: TusClient) -> None:
    data = random_bytes(PART)
    url = await client.create(len(data))
    await client.patch(url, 0, data)
    assert node.s3.counts() == {"PutObject": 1}


async def test_a_multipart_upload_has_one_info_object(node: Node, client: TusClient) -> None:
    """An upload of many parts has one info object, however many requests bring it."""
    data = random_bytes(4 * PART)
    url = await client.create(len(data))
    for start in range(0, len(data), PART):
        assert (await client.patch(url, start, data[start : start + PART])).status == 204
    parts = {"CreateMultipartUpload": 1, "UploadPart": 4, "CompleteMultipartUpload": 1}
    assert node.s3.counts() == parts | KEPT
    assert await client.content(url) == data


async def test_a_small_upload_in_two_requests_has_one_and_a_tail(node: Node, client: TusClient) -> None:
    data = random_bytes(100)
    url = await client.create(len(data))
    await client.patch(url, 0, data[:40])
    assert node.s3.counts() == {"PutObject": 2}
    node.s3.reset()
    await client.patch(url, 40, data[40:])
    assert node.s3.counts() == {"PutObject": 1, "DeleteObjects": 1}
    assert len([key for key in await node.residue() if url.rsplit("/", 1)[1] in key]) == 1
