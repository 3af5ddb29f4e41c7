"""Promise 1: an offset that was told is never taken back, after any crash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import Random

import pytest

from tests.support.node import MIB, PART, Node
from tests.support.s3faults import ANY, Action, Gate, after_forwarding, error, hold, reset
from tests.support.tus import TusClient
from tests.support.uploader import Uploader
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATA = random_bytes(2 * PART + 3 * MIB + 7)

MOMENTS: Mapping[str, Callable[[Gate], Action]] = {
    "before S3 hears of it": hold,
    "before the answer": lambda gate: after_forwarding(hold(gate)),
}
OPERATIONS = (
    "PutObject",
    "CreateMultipartUpload",
    "GetObject",
    "UploadPart",
    "DeleteObjects",
    "CompleteMultipartUpload",
)


async def until_dead(node: Node, upload: Uploader, gate: Gate) -> None:
    """Upload until the fault proxy holds an S3 request at `gate`, then kill and restart the server, and ask for the
    offset. Raises AssertionError if the upload ends before."""
    uploading = asyncio.create_task(upload.run())
    reached = asyncio.create_task(gate.reached.wait())
    await asyncio.wait([uploading, reached], return_when=asyncio.FIRST_COMPLETED)
    reached.cancel()
    uploading.cancel()
    await asyncio.wait([uploading, reached])
    assert gate.reached.is_set(), "the upload came to its end first"
    await node.restart()
    await upload.ask()


@pytest.mark.parametrize("moment", MOMENTS)
async def test_the_server_may_die_at_any_kind_of_s3_request(node: Node, client: TusClient, moment: str) -> None:
    data = random_bytes(48 * MIB + 7)
    upload = Uploader(client, await client.create(len(data)), data, chunk=3 * MIB)
    for operation in OPERATIONS:
        gate = Gate()
        node.s3.reset()
        node.s3.faults.rule(operation, 1, MOMENTS[moment](gate))
        await until_dead(node, upload, gate)
    assert upload.acknowledged == len(data)
    assert await client.content(upload.url) == data


async def test_the_server_may_die_again_and_again(node: Node, client: TusClient) -> None:
    dice = Random(11)
    data = random_bytes(48 * MIB + 8)
    upload = Uploader(client, await client.create(len(data)), data, chunk=5 * MIB)
    for _ in range(3):
        gate = Gate()
        node.s3.reset()
        node.s3.faults.rule(ANY, dice.randint(1, 6), MOMENTS[dice.choice(list(MOMENTS))](gate))
        await until_dead(node, upload, gate)
    node.s3.reset()
    await upload.run()
    assert await client.content(upload.url) == data


@pytest.mark.parametrize(
    "fault",
    [
        error(500, "InternalError"),
        error(503, "SlowDown"),
        reset(),
        after_forwarding(reset()),
        after_forwarding(error(500, "InternalError")),
    ],
    ids=["500", "slow down", "reset before", "reset after", "500 after"],
)
async def test_s3_may_fail_at_random(node: Node, client: TusClient, fault: Action) -> None:
    dice = Random(42)
    upload = Uploader(client, await client.create(len(DATA)), DATA, chunk=3 * MIB)
    for nth in sorted(dice.sample(range(1, 30), 8)):
        node.s3.faults.rule(ANY, nth, fault)
    await upload.run()
    assert await client.content(upload.url) == DATA


async def test_a_lasting_failure_of_s3_takes_nothing_back(node: Node, client: TusClient) -> None:
    upload = Uploader(client, await client.create(len(DATA)), DATA, chunk=PART + MIB)
    await upload.step()
    node.s3.faults.rule(ANY, None, error(403, "AccessDenied"))
    answer = await client.patch(upload.url, upload.acknowledged, DATA[upload.acknowledged :])
    assert answer.status == 503
    assert await client.offset(upload.url) == upload.acknowledged == PART + MIB
    await node.restart()
    assert (await client.head(upload.url)).status == 423, "not before state and storage are known to belong together"
    node.s3.faults.clear()
    assert await client.offset(upload.url) == upload.acknowledged
    await upload.run()
    assert await client.content(upload.url) == DATA
