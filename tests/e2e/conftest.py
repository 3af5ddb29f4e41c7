"""Deployments: one that most tests share, and any number of others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from devtools.seaweed import SeaweedFS
from tests.e2e.deployment import Deployment, deployed

Deploy = Callable[..., AbstractAsyncContextManager[Deployment]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def deployment(seaweed: SeaweedFS, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    """The deployment that the tests of a session share; a test must not stop it."""
    async with deployed(tmp_path_factory.mktemp("deployment"), seaweed, "shared") as shared:
        yield shared


@pytest.fixture
def deploy(seaweed: SeaweedFS, tmp_path: Path) -> Deploy:
    """A function that starts a deployment for this test alone, with the given settings."""
    return partial(deployed, tmp_path, seaweed, tmp_path.name)
