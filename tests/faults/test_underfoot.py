"""Objects that an operator removes in S3 unknown to the server: a clear answer, and never a false success."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.faults.journeys import LARGE, PART, PARTIAL
from tests.support.bucket import upload_id
from tests.support.node import MIB, Node
from tests.support.s3faults import ANY, Action, error
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="module")

KIB = 1024
SENT: Mapping[str, int] = {"in the middle": PART + MIB, "before the last bytes": 2 * PART}


async def goes_on_from(client: TusClient, url: str, offset: int, data: bytes, node: Node) -> None:
    """Check that the upload was rolled back to `offset`, by HEAD and the log, and with the rest of `data` still becomes
    its object, which is all that S3 has of it."""
    assert await client.offset(url) == offset
    assert [line for line in node.server.log().splitlines() if "upload rolled back" in line and upload_id(url) in line]
    assert (await client.patch(url, offset, data[offset:])).offset == len(data)
    assert await client.content(url) == data
    assert [key for key in await node.residue() if upload_id(url) in key] == [upload_id(url)]


@pytest.mark.parametrize("bytes_sent", SENT.values(), ids=SENT)
async def test_aborted_parts_restart_the_upload(node: Node, client: TusClient, bytes_sent: int) -> None:
    """A PATCH to an upload whose multipart upload was aborted in S3 answers 503, and the upload goes on from the
    start."""
    url = await client.create(len(LARGE))
    await client.patch(url, 0, LARGE[:bytes_sent])
    before = await node.server.metric("uploads_rolled_back_total")
    node.bucket.abort_multiparts()
    assert (await client.patch(url, bytes_sent, LARGE[bytes_sent:])).status == 503
    await goes_on_from(client, url, 0, LARGE, node)
    assert await node.server.metric("uploads_rolled_back_total") == before + 1


async def test_a_deleted_tail_rewinds_to_the_last_part(node: Node, client: TusClient, elsewhere: TusClient) -> None:
    """An upload whose tail was deleted in S3 goes on from the end of its last part."""
    url = await client.create(len(LARGE))
    await client.patch(url, 0, LARGE[: PART + MIB])
    node.bucket.lose(url)
    elsewhere_url = url.replace(client.url, elsewhere.url)
    assert (await elsewhere.patch(elsewhere_url, PART + MIB, LARGE[PART + MIB : 2 * PART])).status == 503
    assert await client.offset(url) == PART
    assert (await client.patch(url, PART, LARGE[PART:])).offset == len(LARGE)
    assert await node.stored(url) == LARGE


async def test_an_upload_loses_no_more_than_what_is_gone(node: Node, client: TusClient, elsewhere: TusClient) -> None:
    """An upload whose second of three segments is gone goes on from the end of the first."""
    url = await client.create(len(PARTIAL))
    for at in range(0, 3 * KIB, KIB):
        await client.patch(url, at, PARTIAL[at : at + KIB])
    node.bucket.lose(url, nth=1)
    elsewhere_url = url.replace(client.url, elsewhere.url)
    assert (await elsewhere.patch(elsewhere_url, 3 * KIB, PARTIAL[3 * KIB :])).status == 503
    assert await client.offset(url) == KIB
    assert (await client.patch(url, KIB, PARTIAL[KIB:])).offset == len(PARTIAL)
    assert await node.stored(url) == PARTIAL


async def test_an_object_that_was_deleted_is_not_served_nor_joined(node: Node, client: TusClient) -> None:
    whole = await client.create(len(PARTIAL), PARTIAL)
    node.bucket.delete(whole)
    assert (await client.fetch(whole)).status == 404
    partials = [await client.create(len(PARTIAL), PARTIAL, upload_concat="partial") for _ in range(2)]
    node.bucket.lose(partials[0])
    fields = {"upload_concat": f"final;{' '.join(partials)}"}
    assert (await client.request("POST", client.url, **fields)).status == 400


@pytest.mark.parametrize(
    "fault",
    [error(404, "NoSuchBucket"), error(400, "ExpiredToken"), error(403, "InvalidAccessKeyId")],
    ids=["no bucket", "expired token", "no such key"],
)
async def test_without_bucket_or_credentials_nothing_is_promised(node: Node, client: TusClient, fault: Action) -> None:
    url = await client.create(len(LARGE))
    await client.patch(url, 0, LARGE[: PART + MIB])
    node.s3.faults.rule(ANY, None, fault)
    answer = await client.patch(url, PART + MIB, LARGE[PART + MIB :])
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert await client.offset(url) == PART + MIB
    assert (await client.try_create(3, b"abc")).status == 503
    assert (await client.fetch(f"{node.server.origin}/readyz")).status == 503
    node.s3.faults.clear()
    assert (await client.patch(url, PART + MIB, LARGE[PART + MIB :])).offset == len(LARGE)
    assert await node.stored(url) == LARGE
