"""The node that each promise is held to: one for each module, as a start costs seconds; whole again for each test."""

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
    """Settings that a module overrides to run its node with others, or parametrises with `BOTH_READERS`."""
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
    """With nothing counted and nothing going wrong."""
    running_node.s3.reset()
    return running_node
