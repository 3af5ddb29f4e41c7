"""Nodes on one bucket and one state: any may get any request, stall, die, or sleep and wake."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.cluster.fleet import COUNT, DATA, MIB, PART, TTL, Fleet
from tests.support.raw import RawConnection, patching
from tests.support.s3faults import Gate, hold
from tests.support.sleep import asleep
from tests.support.turns import making_way
from tests.support.tus import TusClient, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

UPLOADS = 4


@asynccontextmanager
async def stalled(fleet: Fleet, url: str, data: bytes = DATA) -> AsyncIterator[RawConnection]:
    """Yield the connection of a PATCH to the first node, which announces all of `data` and has brought `COUNT` bytes (6
    MiB), as the node's metrics show; only the test sends more."""
    base = await fleet.node.received()
    async with patching(fleet.at_first(url), 0, len(data)) as request:
        await request.send(data[:COUNT])
        await fleet.until_received(base + COUNT)
        yield request


async def turn(client: TusClient, url: str) -> int:
    """Return the offset that HEAD tells, asking for up to 30 seconds while the upload is locked (423)."""
    async with asyncio.timeout(30):
        while (answer := await client.head(url)).status == 423:  # noqa: ASYNC110 (only asking tells)
            await asyncio.sleep(0.05)
    assert answer.status == 200, answer
    return answer.offset


async def finish(client: TusClient, url: str) -> None:
    """Send the rest of `DATA`, the bytes of the upload, from the offset that HEAD tells, 2 MiB a request."""
    offset = await turn(client, url)
    while offset < len(DATA):
        offset = (await client.patch(url, offset, DATA[offset : offset + 2 * MIB])).offset


async def test_any_node_may_get_any_request(fleet: Fleet) -> None:
    urls = [await fleet.anyone.create(len(DATA)) for _ in range(UPLOADS)]
    await asyncio.gather(*(finish(fleet.anyone, url) for url in urls))
    for url in urls:
        assert await fleet.anyone.content(url) == DATA
        await fleet.anyone.terminate(url)
        await fleet.until_forgotten(url)


async def test_partial_uploads_of_all_nodes_become_one(fleet: Fleet) -> None:
    halves = DATA[:PART], DATA[PART:]
    urls = [await fleet.anyone.create(len(half), half, upload_concat="partial") for half in halves]
    reply = await fleet.anyone.request("POST", fleet.anyone.url, upload_concat=f"final;{' '.join(urls)}")
    assert reply.status == 201
    assert await fleet.anyone.content(reply.headers["Location"]) == DATA


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
async def test_a_stalled_writer_makes_way_elsewhere(fleet: Fleet, method: str) -> None:
    url = await fleet.anyone.create(len(DATA))
    async with stalled(fleet, url) as writer:
        with making_way():
            match method:
                case "HEAD":
                    assert await fleet.elsewhere.offset(url) == COUNT
                case "PATCH":
                    assert (await fleet.elsewhere.patch(url, COUNT, DATA[COUNT : COUNT + 1])).offset == COUNT + 1
                case _:
                    await fleet.elsewhere.terminate(url)
        assert await writer.status() == 423
    if method == "DELETE":
        await fleet.until_forgotten(url)
    else:
        await finish(fleet.anyone, url)
        assert await fleet.anyone.content(url) == DATA


async def test_a_writer_may_outlast_the_lock_ttl(fleet: Fleet) -> None:
    """A writer may take longer than `lock-ttl`, and saves all its bytes, if no other request asks for the upload's
    lock."""
    url = await fleet.anyone.create(len(DATA))
    async with stalled(fleet, url) as writer:
        await asyncio.sleep(1.5 * TTL)
        await writer.send(DATA[COUNT:])
        assert await writer.status() == 204
    assert await fleet.anyone.content(url) == DATA


async def test_a_holder_that_was_killed_is_replaced_within_the_ttl(fleet: Fleet) -> None:
    url = await fleet.anyone.create(len(DATA))
    async with stalled(fleet, url):
        await fleet.first.kill()
        try:
            started = time.monotonic()
            assert await turn(fleet.elsewhere, url) in (0, PART)
            assert time.monotonic() - started < 2 * TTL, "it isn't renewed, and the rest is HEAD's own"
            await finish(fleet.elsewhere, url)
        finally:
            await fleet.first.start()
    await fleet.sweep()
    assert len(await fleet.objects(url)) == 1
    assert await fleet.anyone.content(url) == DATA


@pytest.mark.parametrize("operation", ["UploadPart", "CreateMultipartUpload"])
async def test_a_slept_node_harms_no_finished_upload(fleet: Fleet, operation: str) -> None:
    """A node that was stopped (SIGSTOP) while another node completed the upload, and whose earlier request reaches S3
    only after that, reports no success and changes nothing, though its client sent other bytes."""
    url, gate, wrong = await fleet.anyone.create(len(DATA)), Gate(), bytes(len(DATA))
    fleet.s3.faults.rule(operation, 1, hold(gate))
    async with stalled(fleet, url, wrong) as writer:
        await gate.reached.wait()
        async with asleep(fleet.first.pid, fleet.node.state):
            sending = asyncio.create_task(writer.send(wrong[COUNT:]))
            started = time.monotonic()
            assert await turn(fleet.elsewhere, url) == 0
            assert time.monotonic() - started < 2 * TTL
            await finish(fleet.elsewhere, url)
        gate.opened.set()
        await ends_without_success(writer, sending)
    await holds(fleet, url)


async def test_a_woken_node_harms_no_concurrent_part(fleet: Fleet) -> None:
    """A node that was stopped (SIGSTOP) while another node wrote the same part reports no success once it goes on, and
    the upload can be completed."""
    url, gate = await fleet.anyone.create(len(DATA)), Gate()
    fleet.s3.faults.rule("UploadPart", 1, hold(gate))
    async with stalled(fleet, url) as writer:
        await gate.reached.wait()
        async with asleep(fleet.first.pid, fleet.node.state):
            sending = asyncio.create_task(writer.send(DATA[COUNT:]))
            assert await turn(fleet.elsewhere, url) == 0
            assert (await fleet.elsewhere.patch(url, 0, DATA[:COUNT])).offset == COUNT
        gate.opened.set()
        await ends_without_success(writer, sending)
        await finish(fleet.anyone, url)
    await holds(fleet, url)


async def ends_without_success(writer: RawConnection, sending: asyncio.Task[None]) -> None:
    """Check that the writer's client gets no 2xx response, and cancel its sending, which may fail with ConnectionError
    alone."""
    reply = b""
    with suppress(ConnectionError):
        reply = await writer.closed()
    assert not reply.startswith(b"HTTP/1.1 2")
    sending.cancel()
    await asyncio.wait([sending])
    assert sending.cancelled() or sending.exception() is None or isinstance(sending.exception(), ConnectionError)


async def holds(fleet: Fleet, url: str) -> None:
    """Check that garbage collection leaves nothing of the upload but its object, and that every node serves DATA as its
    content; then terminate the upload and add it to `fleet.terminated`."""

    async def alone() -> bool:
        await fleet.sweep()
        return len(await fleet.objects(url)) == 1

    await until(alone)
    for server in (fleet.first, *fleet.followers):
        fleet.anyone.servers, before = [server], fleet.anyone.servers
        assert await fleet.anyone.content(url) == DATA
        fleet.anyone.servers = before
    await fleet.anyone.terminate(url)
    fleet.terminated.append(url)


async def test_nothing_is_left_of_uploads_that_saw_trouble(fleet: Fleet) -> None:
    """The last test of a fleet: within 90 seconds, bucket and state hold nothing of the terminated uploads, as late
    requests can't take effect any more."""
    for url in fleet.terminated:
        await fleet.until_forgotten(url)
