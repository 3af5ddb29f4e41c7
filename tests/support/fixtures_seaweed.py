"""Fixtures around a real S3."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devtools.seaweed import SeaweedFS
from tests.support.parts import started

_SHARED = pytest.StashKey[SeaweedFS]()
_FULL = 256 * 1024 * 1024
"""Bytes on disk above which a module's objects are removed when it ends."""


@pytest.fixture(scope="session")
def seaweed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """One S3 for the session, with the bucket `uploads`. Tests that stop it start their own instead."""
    with started(SeaweedFS(tmp_path_factory.mktemp("seaweed"))) as server:
        request.config.stash[_SHARED] = server
        yield server
        del request.config.stash[_SHARED]


@pytest.fixture(scope="module", autouse=True)
def _spared_disk(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove all objects after a module if they take more than `_FULL`: no module asks for what another has stored."""
    yield
    server = request.config.stash.get(_SHARED, None)
    if server is not None and server.size() > _FULL:
        server.empty()
        server.vacuum()
