"""Promise 8: S3 is asked for little: the S3 requests that each action of a client costs are few, and counted here."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter

import pytest

from tests.support.bucket import upload_id
from tests.support.node import MIB, PART, Node
from tests.support.tus import TusClient
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")

LARGE = 128 * MIB


async def upload(client: TusClient, data: bytes, *, chunk: int, **headers: str) -> str:
    url = await client.create(len(data), **headers)
    for start in range(0, len(data), chunk):
        assert (await client.patch(url, start, data[start : start + chunk])).status == 204
    return url


async def test_creating_and_asking_cost_nothing(node: Node, client: TusClient) -> None:
    url, offset = await client.create(10), 0
    for piece in (b"", b"01234", b"56789"):
        if piece:
            await client.patch(url, offset, piece)
            node.s3.reset()
        offset += len(piece)
        assert await client.offset(url) == offset
        assert node.s3.counts() == {}


async def test_creation_with_upload_costs_one_request(node: Node, client: TusClient) -> None:
    """A small upload that comes with its creation costs one S3 request."""
    data = random_bytes(MIB)
    url = await client.create(len(data), data)
    assert node.s3.counts() == {"PutObject": 1}
    assert await client.content(url) == data


async def test_an_upload_of_up_to_one_part_is_one_put(node: Node, client: TusClient) -> None:
    for size in (1, PART - 1, PART):
        node.s3.reset()
        await upload(client, random_bytes(size), chunk=size)
        assert node.s3.counts() == {"PutObject": 1}


async def test_a_large_upload_in_one_request_is_its_parts_and_two_more(node: Node, client: TusClient) -> None:
    await upload(client, random_bytes(LARGE), chunk=LARGE)
    expected = {"CreateMultipartUpload": 1, "UploadPart": LARGE // PART, "CompleteMultipartUpload": 1}
    assert node.s3.counts() == expected
    assert node.s3.bytes_in() < LARGE + MIB


async def test_a_large_upload_in_small_requests_costs_little_more(node: Node, client: TusClient) -> None:
    await upload(client, random_bytes(LARGE), chunk=MIB)
    counts = node.s3.counts()
    assert counts.total() <= 1.3 * LARGE / MIB, counts
    assert counts["GetObject"] == counts["ListParts"] == counts["HeadObject"] == 0, counts


@pytest.mark.parametrize(
    ("chunk", "times"), [(64 * 1024, 3.0), (256 * 1024, 2.1), (500_000, 2.1), (700_001, 2.1), (MIB, 2.1)]
)
async def test_tails_are_stored_little_more_than_once(node: Node, client: TusClient, chunk: int, times: float) -> None:
    """For an upload in requests of 256 KiB to 1 MiB the server sends S3 at most 2.1 times its bytes, in requests of 64
    KiB at most 3 times. Nearly twice is needed: most bytes are stored in a tail, then in a part."""
    size = 3 * PART
    await upload(client, random_bytes(size), chunk=chunk)
    assert node.s3.bytes_in() <= times * size, node.s3.bytes_in() / size


async def test_an_end_without_trouble_asks_for_no_listing(node: Node, client: TusClient) -> None:
    open_url = await client.create(LARGE)
    await client.patch(open_url, 0, random_bytes(2 * PART + MIB))
    small = await upload(client, random_bytes(MIB), chunk=MIB)
    large = await upload(client, random_bytes(2 * PART), chunk=PART)
    for url, expected in (
        (open_url, {"AbortMultipartUpload": 1, "DeleteObjects": 1}),
        (small, {"DeleteObject": 1}),
        (large, {"DeleteObject": 1}),
    ):
        node.s3.reset()
        await client.terminate(url)
        assert node.s3.counts() == expected
        assert not [key for key in await node.residue() if upload_id(url) in key]


async def test_every_patch_below_a_part_is_one_write(node: Node, client: TusClient) -> None:
    url = await client.create(PART)
    for start in range(0, 3 * MIB, MIB):
        node.s3.reset()
        await client.patch(url, start, random_bytes(MIB))
        assert node.s3.counts() == {"PutObject": 1}


async def test_a_body_that_is_not_the_one_announced_sends_no_part(node: Node, client: TusClient) -> None:
    """A body whose checksum isn't the announced one is answered 460, and S3 is sent none of its bytes: a wrong part
    that S3 took late could replace the right one."""
    url, data = await client.create(LARGE), random_bytes(3 * PART)
    node.s3.reset()
    answer = await client.patch(url, 0, data, upload_checksum=f"sha1 {base64.b64encode(bytes(20)).decode()}")
    assert answer.status == 460
    assert not set(node.s3.counts()) & {"UploadPart", "PutObject"}, node.s3.counts()
    right = base64.b64encode(hashlib.sha1(data).digest()).decode()
    assert (await client.patch(url, 0, data, upload_checksum=f"sha1 {right}")).offset == len(data)
    assert node.s3.counts()["UploadPart"] == 3


async def test_a_download_is_one_request_for_no_more_than_its_range(node: Node, client: TusClient) -> None:
    data = random_bytes(20 * MIB)
    url = await upload(client, data, chunk=len(data))
    node.s3.reset()
    assert await client.content(url) == data
    assert node.s3.counts() == {"GetObject": 1}
    assert (await client.fetch(url, range="bytes=10-19")).body == data[10:20]
    assert node.s3.counts() == {"GetObject": 2}
    assert node.s3.calls[-1].request.headers["Range"] == "bytes=10-19"


async def test_concatenation_happens_inside_s3(node: Node, client: TusClient) -> None:
    pieces = [random_bytes(6 * MIB + number) for number in range(3)]
    urls = [await upload(client, piece, chunk=len(piece), upload_concat="partial") for piece in pieces]
    node.s3.reset()
    answer = await client.request("POST", client.url, upload_concat=f"final;{' '.join(urls)}")
    expected = Counter(CreateMultipartUpload=1, UploadPartCopy=3, CompleteMultipartUpload=1)
    assert node.s3.counts() == expected
    assert [call.bytes_in for call in node.s3.calls if call.operation == "UploadPartCopy"] == [0, 0, 0]
    assert await client.content(answer.headers["Location"]) == b"".join(pieces)
