"""Promise 2: an upload shows as complete only when its object is there, whole."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.node import MIB, PART, Node
from tests.support.s3faults import Action, after_forwarding, error, reset
from tests.support.tus import TusClient
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMPLETE = "CompleteMultipartUpload"
DATA = random_bytes(PART + 3 * MIB + 7)


async def whole(node: Node, client: TusClient, url: str) -> None:
    """Check that this upload of `DATA` is complete: HEAD tells its full offset, its object in S3 has the full size, and
    GET returns its bytes."""
    assert await client.offset(url) == len(DATA)
    assert await node.object_size(url) == len(DATA)
    assert await client.content(url) == DATA


async def incomplete(client: TusClient, url: str) -> None:
    """Check that the upload isn't shown as complete: HEAD answers 423 without an offset, so that its client doesn't
    start over, and GET answers 404."""
    answer = await client.head(url)
    assert answer.status == 423
    assert "Upload-Offset" not in answer.headers
    assert (await client.fetch(url)).status == 404


@pytest.mark.parametrize(
    "fault",
    [error(500, "InternalError"), error(200, "InternalError"), error(403, "AccessDenied"), reset()],
    ids=["500", "an error inside a 200", "denied", "reset"],
)
async def test_completing_may_fail_until_it_works(node: Node, client: TusClient, fault: Action) -> None:
    node.s3.faults.rule(COMPLETE, None, fault)
    url = await client.create(len(DATA))
    assert (await client.patch(url, 0, DATA)).status == 503
    await incomplete(client, url)
    await node.restart()
    await incomplete(client, url)
    assert await node.object_size(url) is None
    node.s3.faults.clear()
    await whole(node, client, url)


@pytest.mark.parametrize(
    "answers",
    [
        [after_forwarding(reset())],
        [after_forwarding(error(500, "InternalError"))],
        [after_forwarding(error(200, "InternalError"))],
        [after_forwarding(error(404, "NoSuchUpload"))],
        [reset(), after_forwarding(reset())],
        [error(500, "InternalError"), after_forwarding(error(404, "NoSuchUpload"))],
    ],
    ids=["lost", "500", "200 with an error", "no such upload", "not done, then lost", "not done, then gone"],
)
async def test_a_doubtful_answer_is_settled_by_looking(
    node: Node, client: TusClient, answers: Sequence[Action]
) -> None:
    for nth, answer in enumerate(answers, start=1):
        node.s3.faults.rule(COMPLETE, nth, answer)
    url = await client.create(len(DATA))
    assert (await client.patch(url, 0, DATA)).status == 204
    assert node.s3.counts()["HeadObject"] >= 1
    assert node.s3.counts()[COMPLETE] == len(answers)
    await whole(node, client, url)


@pytest.mark.parametrize(
    "stored", [None, b"short", DATA], ids=["nothing", "too short an object", "another upload's object"]
)
async def test_a_lost_multipart_upload_is_never_complete(node: Node, client: TusClient, stored: bytes | None) -> None:
    """If S3 answers CompleteMultipartUpload with NoSuchUpload, and the upload's key holds no object, one that is too
    short, or another upload's, PATCH is answered 503 and a GET afterwards 404."""
    url = await client.create(len(DATA))
    if stored is not None:
        node.bucket.put(url, stored, own=stored != DATA)
    node.s3.faults.rule(COMPLETE, None, error(404, "NoSuchUpload"))
    assert (await client.patch(url, 0, DATA)).status == 503
    assert (await client.head(url)).status in (200, 423)
    assert (await client.fetch(url)).status == 404
    node.s3.faults.clear()


@pytest.mark.parametrize("fault", [error(403, "AccessDenied"), error(500, "InternalError")], ids=["denied", "500"])
async def test_one_put_that_fails_completes_nothing(node: Node, client: TusClient, fault: Action) -> None:
    url = await client.create(3)
    node.s3.faults.rule("PutObject", None, fault)
    assert (await client.patch(url, 0, b"abc")).status == 503
    assert await client.offset(url) == 0
    node.s3.faults.clear()
    assert (await client.patch(url, 0, b"abc")).offset == 3
    assert await node.object_size(url) == 3


async def test_a_final_upload_is_complete_once_it_is_made(node: Node, client: TusClient) -> None:
    partials = [await client.create(6 * MIB, random_bytes(6 * MIB), upload_concat="partial") for _ in range(2)]
    node.s3.faults.rule(COMPLETE, None, error(403, "AccessDenied"))
    concat = {"Tus_Resumable": "1.0.0", "Upload_Concat": f"final;{' '.join(partials)}"}
    assert (await client.request("POST", client.url, **concat)).status == 503
    node.s3.faults.clear()
    reply = await client.request("POST", client.url, **concat)
    assert reply.status == 201
    assert await client.offset(reply.headers["Location"]) == 12 * MIB
    assert await client.content(reply.headers["Location"]) == 2 * random_bytes(6 * MIB)


async def test_an_upload_that_lost_its_tail_goes_on_from_the_start(node: Node, client: TusClient) -> None:
    """If S3 has lost the tail of an upload that has no part yet, and the server has restarted, PATCH is answered 503,
    and HEAD then tells offset 0, so that the client starts over and doesn't fail forever."""
    url = await client.create(len(DATA))
    await client.patch(url, 0, DATA[:MIB])
    node.bucket.lose(url)
    await node.restart()
    assert (await client.patch(url, MIB, DATA[MIB:])).status == 503
    assert await client.offset(url) == 0
