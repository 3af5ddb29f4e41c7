"""/readyz is 503 from a failed write until one succeeds, and while S3 doesn't answer the HTTP client that bytes go by.
Checks by botocore alone wouldn't show that, as bytes go by another client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.web import StreamResponse

from devtools.seaweed import SeaweedFS
from tests.support.aws import environment, in_region
from tests.support.node import MIB, Node, client_of, one_node
from tests.support.s3exchange import Exchange
from tests.support.s3faults import ANY, error
from tests.support.s3request import S3Request
from tests.support.server import looks_every
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="module")

READY = f".tusd-py/{'f' * 32}/ready"
LOOK = {"HeadBucket": 1, "GetObject": 1}
WRITE = {"PutObject": 1, "DeleteObject": 1}
WRITES = ("PutObject", "UploadPart")


async def is_ready(node: Node, client: TusClient) -> bool:
    answer = await client.fetch(f"{node.server.origin}/readyz")
    assert (answer.status, answer.body) in [(200, b"ready\n"), (503, b"not ready: storage\n")]
    return answer.status == 200


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return {"part_size": "5MiB", "program": looks_every(0)}


@pytest.fixture
def unready(node: Node) -> Node:
    """A node whose S3 refuses PutObject and UploadPart with 403, as by a policy; all else works."""
    for operation in WRITES:
        node.s3.faults.rule(operation, None, error(403, "AccessDenied"))
    return node


async def failed_upload(client: TusClient) -> None:
    assert (await client.try_create(3, b"abc")).status == 503


async def test_while_uploads_work_it_writes_nothing(node: Node, client: TusClient) -> None:
    await client.create(3, b"abc")
    node.s3.reset()
    assert await is_ready(node, client)
    assert node.s3.counts() == LOOK


async def test_only_a_successful_write_restores_readiness(unready: Node, client: TusClient) -> None:
    """A server whose write failed is ready again only after a write that works."""
    assert await is_ready(unready, client), "nothing is known yet"
    await failed_upload(client)
    assert not await is_ready(unready, client)
    assert not await is_ready(unready, client)

    unready.s3.reset()
    assert await is_ready(unready, client)
    assert unready.s3.counts() == {**LOOK, **WRITE}
    assert READY not in await unready.residue()

    unready.s3.reset()
    assert await is_ready(unready, client)
    assert unready.s3.counts() == LOOK


async def test_an_upload_that_works_is_as_good_as_a_test_write(unready: Node, client: TusClient) -> None:
    await failed_upload(client)
    unready.s3.reset()
    await client.create(3, b"abc")
    assert await is_ready(unready, client)
    assert unready.s3.counts() == {**LOOK, "PutObject": 1}


async def test_a_part_that_fails_counts_too(unready: Node, client: TusClient) -> None:
    url = await client.create(20 * MIB)
    assert (await client.patch(url, 0, bytes(10 * MIB))).status == 503
    assert not await is_ready(unready, client)
    unready.s3.reset()
    await client.terminate(url)
    assert await is_ready(unready, client)


async def test_a_test_write_that_can_not_be_removed_is_removed_later(unready: Node, client: TusClient) -> None:
    await failed_upload(client)
    unready.s3.reset()
    unready.s3.faults.rule("DeleteObject", None, error(403, "AccessDenied"))
    assert await is_ready(unready, client), "bytes can be stored"
    assert READY in await unready.residue()
    unready.s3.reset()
    assert await is_ready(unready, client)
    assert READY not in await unready.residue()


async def test_the_object_of_a_killed_process_is_removed(node: Node, client: TusClient) -> None:
    """A readiness check removes the object of a test write that a killed process left, even if S3 stored it only after
    the next process had deleted its own."""
    await client.create(3, b"abc")
    node.bucket.store(READY, b"?")
    assert await is_ready(node, client)
    assert READY not in await node.residue()


async def test_collection_removes_a_killed_process_object(seaweed: SeaweedFS, tmp_path: Path) -> None:
    """Garbage collection removes the object that the readiness check of a killed process left, once it is older than
    `expire-after`; so it goes even if no other check comes."""
    async with one_node(seaweed, tmp_path, expire_after="1s") as node:
        node.bucket.store(READY, b"?")
        await asyncio.sleep(2.1)  # S3 gives whole seconds
        outcome = await node.server.command("uploads", "collect-garbage")
        assert outcome.code == 0, outcome
        assert READY not in await node.residue()


async def page(exchange: Exchange) -> StreamResponse:
    """Read the request and answer it in S3's place with the 404 of a proxy whose backend restarts."""
    await exchange.drain()
    return web.Response(status=404, text="404 page not found")


@pytest.mark.parametrize("action", [page, error(403, "AccessDenied"), error(503, "SlowDown")])
async def test_the_way_of_bytes_must_lead_to_s3_itself(node: Node, client: TusClient, action: Any) -> None:
    node.s3.faults.rule("GetObject", None, action)
    assert not await is_ready(node, client)
    node.s3.reset()
    assert await is_ready(node, client)


# however many ask


async def probe(client: TusClient, node: Node, times: int) -> set[int]:
    """Send `times` requests for /readyz at once, and return the different statuses of their answers."""
    answers = [client.fetch(f"{node.server.origin}/readyz") for _ in range(times)]
    return {answer.status for answer in await asyncio.gather(*answers)}


async def test_a_crowd_that_asks_at_once_is_one_look(seaweed: SeaweedFS, tmp_path: Path) -> None:
    async with one_node(seaweed, tmp_path, program=looks_every(3600)) as node, client_of(node.server) as client:
        await client.create(3, b"abc")
        node.s3.reset()
        assert await probe(client, node, 100) == {200}
        node.s3.faults.rule(ANY, None, error(503, "SlowDown"))
        assert await probe(client, node, 100) == {200}, "the answer is that of the look before"
        assert node.s3.counts() == LOOK


# from the start


async def test_a_server_that_may_not_write_is_never_ready(seaweed: SeaweedFS, tmp_path: Path) -> None:
    async with one_node(seaweed, tmp_path, program=looks_every(0)) as node, client_of(node.server) as client:
        await node.server.stop()
        for operation in WRITES:
            node.s3.faults.rule(operation, None, error(403, "AccessDenied"))
        await node.server.start()
        assert not await is_ready(node, client)
        assert "S3 PutObject: 403 AccessDenied" in node.server.log(), "it says so at once"


# regions


@pytest_asyncio.fixture(params=[301, 400], loop_scope="module")
async def elsewhere(request: pytest.FixtureRequest, seaweed: SeaweedFS, tmp_path: Path) -> AsyncIterator[Node]:
    """A node, its server stopped, whose S3 takes only requests signed for eu-central-1 and answers others with 301 or
    400, by parameter; AWS_DEFAULT_REGION is eu-west-1."""
    chosen = environment(tmp_path, seaweed.user, AWS_DEFAULT_REGION="eu-west-1")
    async with one_node(seaweed, tmp_path, environment=chosen, program=looks_every(0)) as node:
        await node.server.stop()
        node.s3.faults.rule(ANY, None, in_region("eu-central-1", request.param), _signed)
        yield node


def _signed(request: S3Request) -> bool:
    return "Authorization" in request.headers


async def test_a_wrong_region_is_not_ready_and_told_with_the_right_one(elsewhere: Node) -> None:
    await elsewhere.server.start()
    async with client_of(elsewhere.server) as client:
        assert not await is_ready(elsewhere, client)
        assert (await client.try_create(3, b"abc")).status == 503
    assert "set AWS_REGION to eu-central-1" in elsewhere.server.log()
    outcome = await elsewhere.server.command("check")
    assert outcome.code == 1
    failed = [line for line in outcome.out.splitlines() if line.startswith("FAIL")]
    assert failed
    assert all("set AWS_REGION to eu-central-1" in line for line in failed)


async def test_the_right_region_has_a_name_that_all_aws_sdks_know(elsewhere: Node) -> None:
    elsewhere.server._environment["AWS_REGION"] = "eu-central-1"
    await elsewhere.server.start()
    async with client_of(elsewhere.server) as client:
        assert await is_ready(elsewhere, client)
        whole, parts = await client.create(3, b"abc"), await client.create(9 * MIB, bytes(9 * MIB))
        assert await client.content(whole) == b"abc"
        assert await client.content(parts) == bytes(9 * MIB)
    outcome = await elsewhere.server.command("check")
    assert outcome.code == 0, outcome.out
