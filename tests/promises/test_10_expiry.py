"""Promise 10, where no client comes back: what has expired is removed by the server itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.promises.leaks import DATA, SENT, begin, crash, traces, until_gone
from tests.support.node import Node
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return {"expire_after": "3s", "retention": "3s"}


async def test_expired_uploads_leave_nothing(node: Node, client: TusClient) -> None:
    kinds: list[dict[str, str]] = [{}, {"Upload_Concat": "partial"}]
    urls = [await begin(client, size, **kind) for size in SENT.values() for kind in kinds]
    assert await traces(node, *urls) != []
    await until_gone(node, *urls)
    assert await node.server.metric("buffer_bytes") == 0
    for url in urls:
        assert (await client.head(url)).status == 404


async def test_what_a_crash_left_expires_too(node: Node, client: TusClient) -> None:
    url = await client.create(len(DATA))
    await crash(node, url, "CreateMultipartUpload")
    await until_gone(node, url, within=60)
