"""Answers that don't come from S3 but from a proxy, while S3 restarts: a status without a body of S3's."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.journeys import LARGE, PART, PARTIAL, arrived, begin
from tests.support.node import MIB, Node
from tests.support.s3faults import ANY, Action, page
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGES = {
    "200": page(200, ""),
    "200 in HTML": page(200, "<html><body>maintenance</body></html>"),
    "404": page(404, "404 page not found\n"),
    "404 in HTML": page(404, "<html><head><title>404</title></head><body>default backend</body></html>"),
    "403": page(403, "Forbidden"),
    "412": page(412, ""),
    "502": page(502, "Bad Gateway"),
    "302": page(302, ""),
}


@pytest.mark.parametrize("answer", PAGES.values(), ids=PAGES)
async def test_an_upload_outlives_a_proxy_that_answers_for_s3(node: Node, client: TusClient, answer: Action) -> None:
    url = await begin(client)
    node.s3.faults.rule(ANY, None, answer)
    assert (await client.patch(url, PART + MIB, LARGE[PART + MIB :])).status == 503
    assert (await client.head(url)).status in (200, 423)
    node.s3.faults.clear()
    assert await client.offset(url) >= PART + MIB
    await client.patch(url, offset := await client.offset(url), LARGE[offset:])
    await arrived(node, client, url, LARGE)


@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload", "GetObject", "PutObject"])
async def test_what_one_request_is_told_for_s3_is_no_reason_to_give_up(
    node: Node, client: TusClient, elsewhere: TusClient, operation: str
) -> None:
    url = await begin(client)
    elsewhere_url = url.replace(client.url, elsewhere.url)  # which has to read the tail
    node.s3.faults.rule(operation, None, PAGES["404"])
    outcome = await elsewhere.patch(elsewhere_url, PART + MIB, LARGE[PART + MIB :])
    assert outcome.status in (204, 503)
    node.s3.faults.clear()
    offset = await client.offset(url)
    if offset < len(LARGE):
        await client.patch(url, offset, LARGE[offset:])
    await arrived(node, client, url, LARGE)


async def test_partials_outlive_it(node: Node, client: TusClient) -> None:
    partials = [await client.create(len(PARTIAL), PARTIAL, upload_concat="partial") for _ in range(2)]
    fields = {"upload_concat": f"final;{' '.join(partials)}"}
    node.s3.faults.rule("UploadPartCopy", None, PAGES["404"])
    assert (await client.request("POST", client.url, **fields)).status == 503
    node.s3.faults.clear()
    answer = await client.request("POST", client.url, **fields)
    await arrived(node, client, answer.headers["Location"], 2 * PARTIAL)


async def test_a_download_is_not_told_that_its_object_is_gone(node: Node, client: TusClient) -> None:
    url = await client.create(len(LARGE), LARGE)
    node.s3.faults.rule(ANY, None, PAGES["404"])
    assert (await client.fetch(url)).status == 503
    node.s3.faults.clear()
    await arrived(node, client, url, LARGE)


async def test_a_removal_that_was_only_told_is_done_in_the_end(node: Node, client: TusClient) -> None:
    url = await begin(client)
    node.s3.faults.rule(ANY, None, PAGES["404"])
    await client.terminate(url)
    assert (await client.head(url)).status == 404
    assert await node.residue()
    node.s3.faults.clear()
    async with asyncio.timeout(100):
        while [key for key in await node.residue() if url.rpartition("/")[2] in key]:  # noqa: ASYNC110 (a sweep does it)
            await asyncio.sleep(0.5)
