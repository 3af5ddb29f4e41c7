"""The node that each promise is tested on: one for each module, as a start costs seconds. Each test that uses `node`
begins without faults and with no S3 requests counted; uploads of earlier tests stay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from devtools.seaweed import SeaweedFS
from tests.support.node import Node, client_of, one_node
from tests.support.tus import TusClient


@pytest.fixture(scope="module")
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings that the module's node has beyond the usual ones: none, unless the module overrides this fixture or
    parametrises it, as with the mark `BOTH_READERS` of `tests.support.node`, which runs a module's tests twice: with
    bodies read into slabs, and with bodies read by aiohttp."""
    return dict(getattr(request, "param", {}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_node(
    seaweed: SeaweedFS, tmp_path_factory: pytest.TempPathFactory, settings: dict[str, Any]
) -> AsyncIterator[Node]:
    async with one_node(seaweed, tmp_path_factory.mktemp("node"), **settings) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(running_node: Node) -> AsyncIterator[TusClient]:
    async with client_of(running_node.server) as talking:
        yield talking


@pytest.fixture
def node(running_node: Node) -> Node:
    """The module's node, with S3 requests counted from zero and without faults."""
    running_node.s3.reset()
    return running_node
