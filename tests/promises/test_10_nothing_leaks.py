"""Promise 10: nothing of an upload remains once it is gone."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

import pytest

from tests.promises.leaks import DATA, SENT, begin, crash, traces, until_gone
from tests.support.bucket import upload_id
from tests.support.node import MIB, PART, Node
from tests.support.raw import patching
from tests.support.s3faults import Action, Gate, error, outliving
from tests.support.tus import TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("extent", SENT)
async def test_a_terminated_upload_leaves_nothing(node: Node, client: TusClient, extent: str) -> None:
    url = await begin(client, SENT[extent])
    await client.terminate(url)
    assert await traces(node, url) == []
    assert await node.server.metric("buffer_bytes") == 0


async def test_terminating_during_a_request_leaves_nothing(node: Node, client: TusClient) -> None:
    """An upload terminated in the middle of a request leaves nothing."""
    base, url = await node.received(), await client.create(len(DATA))
    async with patching(url, 0, len(DATA)) as request:
        await request.send(DATA[: PART + MIB])
        await node.until_received(base + PART + MIB)
        await client.terminate(url)
        assert await request.status() == 423
    await node.until_idle()
    assert await traces(node, url) == []


async def too_much() -> AsyncIterator[bytes]:
    yield DATA
    yield b"!"


FAILED: Mapping[str, tuple[int, Any, Mapping[str, str], Mapping[str, Action]]] = {
    "denied": (503, DATA[: PART + MIB], {}, {"PutObject": error(403, "AccessDenied")}),
    "no parts": (503, DATA, {}, {"UploadPart": error(403, "AccessDenied")}),
    "no completion": (503, DATA, {}, {"CompleteMultipartUpload": error(403, "AccessDenied")}),
    "a wrong checksum": (
        460,
        DATA,
        {"Upload_Checksum": f"sha1 {base64.b64encode(hashlib.sha1(b'').digest()).decode()}"},
        {},
    ),
    "too long a body": (413, too_much, {}, {}),
}


@pytest.mark.parametrize("case", FAILED)
async def test_a_failed_creation_leaves_nothing(node: Node, client: TusClient, case: str) -> None:
    status, data, headers, faults = FAILED[case]
    before = {*await node.residue(), *untroubled(node)}
    for operation, fault in faults.items():
        node.s3.faults.rule(operation, None, fault)
    answer = await client.try_create(len(DATA), data if isinstance(data, bytes) else data(), **headers)
    assert answer.status == status
    assert {*await node.residue(), *untroubled(node)} <= before


def untroubled(node: Node) -> list[str]:
    """Return the rows of the state with an upload's record that has no trouble. A record with a trouble may stay for
    half a minute, until an S3 request that failed or got no answer can't take effect any more."""
    return [row for row in node.remembered() if '"troubled_at":null' in row]


@pytest.mark.parametrize("end", ["finished", "terminated"])
@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "PutObject", "UploadPart"])
async def test_what_a_crash_left_goes_with_the_upload(node: Node, client: TusClient, operation: str, end: str) -> None:
    url = await client.create(len(DATA))
    await crash(node, url, operation)
    if end == "finished":
        offset = await client.offset(url)
        assert (await client.patch(url, offset, DATA[offset:])).offset == len(DATA)
        stored = await node.residue()
        assert (await node.server.command("uploads", "collect-garbage", "--dry-run")).code == 0
        assert await node.residue() == stored
        assert (await node.server.command("uploads", "collect-garbage")).code == 0
        assert [trace for trace in await traces(node, url) if not trace.startswith("INSERT")] == [upload_id(url)]
    else:
        await client.terminate(url)
        assert [trace for trace in await traces(node, url) if not trace.startswith("INSERT")] == []
        await until_gone(node, url, within=60)


async def test_a_dead_servers_late_object_is_removed(node: Node, client: TusClient) -> None:
    """An object that S3 stores only after its server died and the upload was terminated is removed in the end."""
    gate, url = Gate(), await client.create(1000)
    node.s3.faults.rule("PutObject", 1, outliving(gate))
    async with patching(url, 0, 1000) as request:
        await request.send(DATA[:1000])
        await gate.reached.wait()
        await node.restart()
    await client.terminate(url)
    assert (await client.head(url)).status == 404
    gate.opened.set()
    await until(partial(landed, node, url))
    await until_gone(node, url, within=60)


async def landed(node: Node, url: str) -> bool:
    return await node.object_size(url) == 1000
