"""Fixtures: the node of tests/promises with parts of 5 MiB, the smallest that S3 takes, and a second server on its
state."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.promises.conftest import client, node, running_node
from tests.support.node import Node, client_of
from tests.support.tus import TusClient

__all__ = ["client", "node", "running_node"]


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return {"part_size": "5MiB"}


@pytest.fixture(autouse=True)
def no_surprises(running_node: Node) -> Iterator[None]:
    """Fail a test during which the log of the module's server gets a traceback: the server must expect any trouble."""
    before = running_node.server.log().count("Traceback")
    yield
    assert running_node.server.log().count("Traceback") == before, running_node.server.log()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def elsewhere(running_node: Node) -> AsyncIterator[TusClient]:
    """A client of a second server on the node's state and bucket: that server has nothing of an upload in memory before
    a request for the upload reaches it."""
    server = running_node.new_server()
    await server.start()
    try:
        async with client_of(server) as talking:
            yield talking
    finally:
        await server.kill()
