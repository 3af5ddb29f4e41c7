"""Each S3 operation that uploads need, with each of many faults: the server retries, or else its client does, and what
the client was told stays true."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import pytest

from tests.faults.journeys import (
    LARGE,
    PARTIAL,
    Watched,
    arrived,
    begin,
    concatenate,
    nothing_left,
    upload,
    upload_at_once,
    wait_until_gone,
)
from tests.support.bucket import upload_id
from tests.support.node import MIB, Node
from tests.support.s3faults import (
    Action,
    Rule,
    after_forwarding,
    anything,
    cut,
    delay,
    error,
    hang_up,
    nothing,
    reset,
    throttle,
)
from tests.support.s3request import S3Request
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="module")

ATTEMPTS = 5
"""The most attempts at a request to S3 before the server answers its client with 503; some operations have fewer."""
Requests = tuple[str, Callable[[S3Request], bool]]
"""An S3 operation, and a function that chooses some of its requests."""


def part(number: int) -> Callable[[S3Request], bool]:
    return lambda request: request.part_number == number


def internal(request: S3Request) -> bool:
    return "/.tusd-py/" in request.key


UPLOADING: tuple[Requests, ...] = (
    ("PutObject", internal),
    ("CreateMultipartUpload", anything),
    ("UploadPart", part(1)),
    ("UploadPart", part(2)),
    ("UploadPart", part(3)),
    ("CompleteMultipartUpload", anything),
    ("DeleteObject", internal),
    ("GetObject", anything),
)
TERMINATING: tuple[Requests, ...] = (
    ("AbortMultipartUpload", anything),
    ("DeleteObjects", anything),
)
FAULTS: Mapping[str, Action] = {
    "500": error(500, "InternalError"),
    "500, done": after_forwarding(error(500, "InternalError")),
    "slow down": error(503, "SlowDown"),
    "reset": reset(),
    "reset, done": after_forwarding(reset()),
    "no answer": hang_up(),
    "no answer, done": after_forwarding(hang_up()),
    "half an answer": cut(),
    "latency": delay(0.3),
    "bandwidth": throttle(16 * MIB),
}
each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


def fail_once(node: Node, fault: Action, *requests: Requests) -> Sequence[Rule]:
    """Have the proxy before S3 apply `fault` once for each of `requests`: to the first request of its operation that
    its function chooses. Return the proxy's rules for that, in the same order."""
    return [node.s3.faults.rule(operation, 1, fault, matches) for operation, matches in requests]


def all_hit(rules: Sequence[Rule]) -> bool:
    return all(rule.has_hit for rule in rules)


@each_fault
async def test_an_upload_in_several_requests_arrives(node: Node, client: TusClient, fault: Action) -> None:
    rules = fail_once(node, fault, *UPLOADING)
    url = await upload(node, client)
    assert all_hit(rules)
    await wait_until_gone(node, client, url)


@each_fault
async def test_an_upload_in_one_request_arrives(node: Node, client: TusClient, fault: Action) -> None:
    rules = fail_once(node, fault, ("PutObject", anything))
    url = await upload_at_once(node, client)
    assert all_hit(rules)
    await wait_until_gone(node, client, url, within=60)  # what got no answer may land: it is removed twice


@each_fault
async def test_looking_at_the_object_may_go_wrong_too(node: Node, client: TusClient, fault: Action) -> None:
    rules = fail_once(node, after_forwarding(reset()), ("CompleteMultipartUpload", anything))
    rules = [*rules, *fail_once(node, fault, ("HeadObject", anything))]
    url = await upload(node, client)
    assert all_hit(rules)
    await wait_until_gone(node, client, url)


@each_fault
async def test_asking_for_an_object_that_is_not_there_may_go_wrong_too(
    node: Node, client: TusClient, fault: Action
) -> None:
    """An upload arrives though the first CompleteMultipartUpload is lost, HEAD finds no object, and the GET with which
    the server makes sure that there is none meets a fault."""
    rules = [
        *fail_once(node, reset(), ("CompleteMultipartUpload", anything)),
        *fail_once(node, fault, ("GetObject", anything)),
    ]
    url = await upload(node, client, noticed=True)
    assert all_hit(rules)
    await wait_until_gone(node, client, url)


@each_fault
async def test_looking_at_the_parts_may_go_wrong_too(node: Node, client: TusClient, fault: Action) -> None:
    rules = fail_once(node, error(400, "InvalidPart"), ("CompleteMultipartUpload", anything))
    rules = [*rules, *fail_once(node, fault, ("ListParts", anything))]
    url = await upload(node, client, noticed=True)
    assert all_hit(rules)
    await wait_until_gone(node, client, url)


@each_fault
async def test_a_tail_is_read_again(node: Node, client: TusClient, elsewhere: TusClient, fault: Action) -> None:
    url = await client.create(len(PARTIAL))
    assert (await client.patch(url, 0, PARTIAL[:MIB])).status == 204
    rules = fail_once(node, fault, ("GetObject", internal))
    await Watched(node, elsewhere, url.replace(client.url, elsewhere.url), PARTIAL, bytes_sent=MIB).run()
    assert all_hit(rules)
    await wait_until_gone(node, client, await arrived(node, client, url, PARTIAL))


@each_fault
async def test_concatenation_arrives(node: Node, client: TusClient, fault: Action) -> None:
    rules = fail_once(node, fault, ("UploadPartCopy", anything))
    url = await concatenate(node, client)
    assert all_hit(rules)
    await wait_until_gone(node, client, url)


@pytest.mark.parametrize("code", ["RequestTimeout", "BadDigest"])
async def test_bytes_that_came_too_slowly_or_damaged_are_sent_again(node: Node, client: TusClient, code: str) -> None:
    rules = fail_once(node, error(400, code), ("PutObject", internal), ("UploadPart", part(1)))
    url = await upload(node, client)
    assert all_hit(rules)
    await wait_until_gone(node, client, url)


async def test_a_success_that_tells_no_etag_is_none(node: Node, client: TusClient) -> None:
    requests = ("PutObject", internal), ("UploadPart", part(1)), ("CompleteMultipartUpload", anything)
    rules = fail_once(node, nothing(), *requests)
    url = await upload(node, client)
    assert all_hit(rules)
    await wait_until_gone(node, client, url)


async def test_a_completion_that_tells_no_etag_may_be_one(node: Node, client: TusClient) -> None:
    rules = fail_once(node, after_forwarding(nothing()), ("CompleteMultipartUpload", anything))
    url = await upload(node, client)
    assert all_hit(rules)
    await wait_until_gone(node, client, url)


@pytest.mark.parametrize("operation", ["CompleteMultipartUpload", "UploadPartCopy"])
async def test_an_error_inside_a_200_is_an_error(node: Node, client: TusClient, operation: str) -> None:
    rules = fail_once(node, error(200, "InternalError"), (operation, anything))
    url = await concatenate(node, client)
    assert all_hit(rules)
    await wait_until_gone(node, client, url)


async def test_what_is_terminated_goes_in_the_end(node: Node, client: TusClient) -> None:
    """A sweep removes what S3 doesn't delete at once."""
    for fault in FAULTS.values():
        rules = fail_once(node, fault, *TERMINATING)
        url = await begin(client)
        assert (await client.delete(url)).status == 204
        assert (await client.head(url)).status == 404
        assert rules[0].has_hit
    await nothing_left(node, within=75)
    assert all_hit(rules)


async def test_failures_that_outlast_the_retries_are_told_as_503(node: Node, client: TusClient) -> None:
    """A PATCH answers 503 with Retry-After if an S3 operation fails in all its attempts, and the upload goes on after
    that: three uploads at once, each with another operation."""

    async def check(operation: str) -> None:
        url = await client.create(len(LARGE))

        def mine(request: S3Request) -> bool:
            return upload_id(url) in request.key and request.query.get("partNumber", "1") == "1"

        for nth in range(1, ATTEMPTS + 1):  # an error: a PUT whose connection breaks is repeated by aiohttp itself
            node.s3.faults.rule(operation, nth, error(500, "InternalError"), mine)
        answer = await client.patch(url, 0, LARGE)
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        await Watched(node, client, url, LARGE, bytes_sent=await client.offset(url)).run()
        await client.terminate(await arrived(node, client, url, LARGE))

    await asyncio.gather(
        *(check(operation) for operation in ("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"))
    )
    await nothing_left(node)
