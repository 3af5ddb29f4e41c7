"""What somebody takes away in S3 behind the server's back: a clear answer, and never a false success."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.faults.journeys import LARGE, PART, PARTIAL
from tests.promises.bench import MIB, Node
from tests.promises.client import VERSION, Client
from tests.support.s3faults import ANY, Action, error

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENT: Mapping[str, int] = {"in the middle": PART + MIB, "before the last bytes": 2 * PART}


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
async def test_an_aborted_multipart_upload_is_a_lost_upload(node: Node, client: Client, sent: int) -> None:
    url = await client.create(len(LARGE))
    await client.patch(url, 0, LARGE[:sent])
    await node.abort_multiparts()
    assert (await client.patch(url, sent, LARGE[sent:])).status == 404
    assert (await client.head(url)).status == 404
    assert (await client.request("GET", url)).status == 404
    assert await node.object_size(url) is None


async def test_a_tail_that_was_deleted_is_a_lost_upload(node: Node, client: Client, elsewhere: Client) -> None:
    url = await client.create(len(PARTIAL))
    await client.patch(url, 0, PARTIAL[:MIB])
    await node.lose(url)
    there = url.replace(client.url, elsewhere.url)
    assert (await elsewhere.patch(there, MIB, PARTIAL[MIB:])).status == 404
    assert (await elsewhere.head(there)).status == 404
    assert await node.object_size(url) is None


async def test_an_object_that_was_deleted_is_not_served_nor_joined(node: Node, client: Client) -> None:
    whole = await client.create(len(PARTIAL), PARTIAL)
    await node.delete_object(whole)
    assert (await client.request("GET", whole)).status == 404
    partials = [await client.create(len(PARTIAL), PARTIAL, Upload_Concat="partial") for _ in range(2)]
    await node.lose(partials[0])
    told = {**VERSION, "Upload_Concat": f"final;{' '.join(partials)}"}
    assert (await client.request("POST", client.url, **told)).status == 404


@pytest.mark.parametrize(
    "fault",
    [error(404, "NoSuchBucket"), error(400, "ExpiredToken"), error(403, "InvalidAccessKeyId")],
    ids=["no bucket", "expired token", "no such key"],
)
async def test_without_bucket_or_credentials_nothing_is_promised(node: Node, client: Client, fault: Action) -> None:
    url = await client.create(len(LARGE))
    await client.patch(url, 0, LARGE[: PART + MIB])
    node.s3.faults.rule(ANY, None, fault)
    answer = await client.patch(url, PART + MIB, LARGE[PART + MIB :])
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert await client.offset(url) == PART + MIB
    assert (await client.post(3, b"abc")).status == 503
    assert (await client.request("GET", f"{node.server.origin}/readyz")).status == 503
    node.s3.faults.clear()
    assert (await client.patch(url, PART + MIB, LARGE[PART + MIB :])).offset == len(LARGE)
    assert await node.stored(url) == LARGE
