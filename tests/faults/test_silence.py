"""S3 takes a request and falls silent, once for each operation that uploads need: the server gives up after its own
timeout, and it or its client tries again. While HeadBucket gets no answer, /readyz is 503.

A timeout is half a minute for requests that carry bytes and a minute for others, so all uploads wait at the same time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from tests.faults.journeys import LARGE, PART, PARTIAL, Watched, arrived, begin, concatenate, upload_at_once
from tests.support.bucket import upload_id
from tests.support.node import MIB, Node
from tests.support.s3faults import Action, Rule, after_forwarding, anything, cut, error, reset, stall
from tests.support.s3request import S3Request
from tests.support.tus import TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENOUGH = 110.0
"""Seconds within which everything must end that these tests do while S3 is silent: enough for a timeout of a minute and
a retry, not for a second timeout."""


class Silent:
    """The node, its client and the client of a second server (`elsewhere`), and the rules by which the first matching
    request of an S3 operation meets a fault, mostly silence."""

    def __init__(self, node: Node, client: TusClient, elsewhere: TusClient) -> None:
        self.node, self.client, self.elsewhere = node, client, elsewhere
        self.rules: list[Rule] = []

    def first(self, operation: str, url: str, fault: Action, matches: Callable[[S3Request], bool] = anything) -> Rule:
        """Make the first request of `operation` for the upload at `url` for which `matches` returns True meet `fault`;
        return the rule."""
        name = upload_id(url)

        def mine(request: S3Request) -> bool:
            return (name in request.key or name in request.query.get("prefix", "")) and matches(request)

        return self.fail_first(operation, fault, mine)

    def fail_first(self, operation: str, fault: Action, matches: Callable[[S3Request], bool]) -> Rule:
        """Make the first request of `operation`, for any upload, for which `matches` returns True meet `fault`; return
        the rule."""
        self.rules.append(self.node.s3.faults.rule(operation, 1, fault, matches))
        return self.rules[-1]

    def at(self, server: TusClient, url: str) -> str:
        return url.replace(self.client.url, server.url)

    async def upload(self, url: str) -> None:
        await Watched(self.node, self.client, url, LARGE).run(within=ENOUGH)
        await arrived(self.node, self.client, url, LARGE)


def internal(request: S3Request) -> bool:
    return "/.tusd-py/" in request.key


def public(request: S3Request) -> bool:
    return not internal(request)


async def in_a_part(s3: Silent) -> None:
    """S3 falls silent in an UploadPart, with most of its bytes still unread; the upload arrives."""
    url = await s3.client.create(len(LARGE))
    s3.first("UploadPart", url, stall())
    await s3.upload(url)


async def after_a_part(s3: Silent) -> None:
    url = await s3.client.create(len(LARGE))
    s3.first("UploadPart", url, after_forwarding(stall()))
    await s3.upload(url)


async def in_a_segment(s3: Silent) -> None:
    url = await s3.client.create(len(LARGE))
    s3.first("PutObject", url, stall(), internal)
    await s3.upload(url)


async def after_an_object(s3: Silent) -> None:
    s3.fail_first("PutObject", after_forwarding(stall()), public)
    await upload_at_once(s3.node, s3.client)


async def in_the_answer_to_a_read(s3: Silent) -> None:
    url = await s3.client.create(len(PARTIAL))
    assert (await s3.client.patch(url, 0, PARTIAL[:MIB])).status == 204
    s3.first("GetObject", url, cut(stall()))
    elsewhere_url = s3.at(s3.elsewhere, url)
    await Watched(s3.node, s3.elsewhere, elsewhere_url, PARTIAL, bytes_sent=MIB).run(within=ENOUGH)
    await arrived(s3.node, s3.elsewhere, elsewhere_url, PARTIAL)


async def before_the_answer_to_a_read(s3: Silent) -> None:
    url = await s3.client.create(len(PARTIAL), PARTIAL)
    s3.first("GetObject", url, stall())
    assert await s3.client.content(url) == PARTIAL


async def beginning(s3: Silent) -> None:
    """While CreateMultipartUpload gets no answer, another server answers a HEAD of the upload with 423 and not 404."""
    url = await s3.client.create(len(LARGE))
    rule = s3.first("CreateMultipartUpload", url, stall())
    uploading = asyncio.create_task(s3.upload(url))
    await until(lambda: _hit(rule))
    assert (await s3.elsewhere.head(s3.at(s3.elsewhere, url))).status == 423
    await uploading


async def before_completing(s3: Silent) -> None:
    url = await s3.client.create(len(LARGE))
    s3.first("CompleteMultipartUpload", url, stall())
    await s3.upload(url)


async def after_completing(s3: Silent) -> None:
    url = await s3.client.create(len(LARGE))
    s3.first("CompleteMultipartUpload", url, after_forwarding(stall()))
    await s3.upload(url)


async def looking_at_the_object(s3: Silent) -> None:
    url = await s3.client.create(len(LARGE))
    s3.first("CompleteMultipartUpload", url, after_forwarding(reset()))
    s3.first("HeadObject", url, stall())
    await s3.upload(url)


async def looking_at_the_parts(s3: Silent) -> None:
    url = await s3.client.create(len(LARGE))
    s3.first("CompleteMultipartUpload", url, error(400, "InvalidPart"))
    s3.first("ListParts", url, stall())
    await s3.upload(url)


async def copying(s3: Silent) -> None:
    s3.fail_first("UploadPartCopy", stall(), anything)
    await concatenate(s3.node, s3.client)


async def removing_a_segment(s3: Silent) -> None:
    """S3 doesn't answer when a segment is deleted: a part holds its bytes by then, so the upload goes on."""
    url = await s3.client.create(len(LARGE))
    s3.first("DeleteObject", url, stall(), internal)
    await s3.upload(url)


async def aborting(s3: Silent) -> None:
    await terminating(s3, "AbortMultipartUpload")


async def removing_objects(s3: Silent) -> None:
    s3.fail_first("DeleteObjects", stall(), anything)
    await _terminate(s3, await begin(s3.client))


async def terminating(s3: Silent, operation: str) -> None:
    """While `operation`, by which an upload is removed from S3, gets no answer, the terminated upload already answers
    404."""
    url = await s3.client.create(len(LARGE))
    assert (await s3.client.patch(url, 0, LARGE[:PART])).status == 204
    s3.first(operation, url, stall())
    await _terminate(s3, url)


async def _terminate(s3: Silent, url: str) -> None:
    deleting = asyncio.create_task(s3.client.terminate(url))
    await until(lambda: _is_gone(s3, url))
    await deleting


async def _is_gone(s3: Silent, url: str) -> bool:
    return (await s3.client.head(url)).status == 404


async def _hit(rule: Rule) -> bool:
    return rule.has_hit


async def being_asked_whether_it_is_there(s3: Silent) -> None:
    s3.fail_first("HeadBucket", stall(), anything)
    async with aiohttp.ClientSession() as session, session.get(f"{s3.node.server.origin}/readyz") as answer:
        assert answer.status == 503


JOURNEYS: tuple[Callable[[Silent], Awaitable[None]], ...] = (
    being_asked_whether_it_is_there,
    in_a_part,
    after_a_part,
    in_a_segment,
    after_an_object,
    in_the_answer_to_a_read,
    before_the_answer_to_a_read,
    beginning,
    before_completing,
    after_completing,
    looking_at_the_object,
    looking_at_the_parts,
    copying,
    removing_a_segment,
    aborting,
    removing_objects,
)


async def test_silence_costs_time_and_nothing_else(node: Node, client: TusClient, elsewhere: TusClient) -> None:
    s3, started = Silent(node, client, elsewhere), time.monotonic()
    took: dict[str, float] = {}

    async def timed(journey: Callable[[Silent], Awaitable[None]]) -> None:
        await journey(s3)
        took[journey.__name__] = round(time.monotonic() - started, 1)

    await asyncio.gather(*(timed(journey) for journey in JOURNEYS))
    print(took)
    assert all(rule.has_hit for rule in s3.rules), [rule for rule in s3.rules if not rule.has_hit]
    assert max(took.values()) < ENOUGH, took
