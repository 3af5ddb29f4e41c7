"""Deployments: one that most tests share, and any number of others."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e import tusjs
from tests.e2e.deployment import MIB, Deployment, deployed
from tests.support import node
from tests.support.parts import missing
from tests.support.seaweed import SeaweedFS
from tests.support.writing import random_bytes

Deploy = Callable[..., AbstractAsyncContextManager[Deployment]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def deployment(seaweed: SeaweedFS, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    """Not to be stopped: other tests use it too."""
    async with deployed(tmp_path_factory.mktemp("deployment"), seaweed, "shared") as shared:
        yield shared


@pytest.fixture
def deploy(seaweed: SeaweedFS, tmp_path: Path) -> Deploy:
    """Starts a deployment of one's own, with these settings."""
    return partial(deployed, tmp_path, seaweed, tmp_path.name)


@pytest.fixture(scope="session")
def data() -> bytes:
    """Two parts and a bit."""
    return random_bytes(20 * MIB + 17)


@pytest.fixture(scope="session")
def file(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds `data`."""
    path = tmp_path_factory.mktemp("data") / "file"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="session")
def tus_js() -> tusjs.Start:
    """Starts tus-js-client in Node."""
    if not (node.PROJECT / "node_modules").exists() and node.npm("ci"):
        missing("tus-js-client")
    return tusjs.start


@pytest.fixture(scope="session")
def curl() -> str:
    """The binary."""
    return shutil.which("curl") or missing("curl")
