"""Fixtures around a real S3."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devtools.seaweed import SeaweedFS
from tests.support.parts import started

_SHARED = pytest.StashKey[SeaweedFS]()
_FULL = 256 * 1024 * 1024
"""The total size, in bytes, of SeaweedFS's data files above which `SeaweedFS.empty` is called when a test module
ends."""


@pytest.fixture(scope="session")
def seaweed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """One S3 for the session, with the bucket `uploads`. Tests that stop it start their own instead."""
    with started(SeaweedFS(tmp_path_factory.mktemp("seaweed"))) as server:
        request.config.stash[_SHARED] = server
        yield server
        del request.config.stash[_SHARED]


@pytest.fixture(scope="module", autouse=True)
def _spared_disk(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove, after a test module, all objects of more than 64 KiB and all multipart uploads if SeaweedFS's data files
    have more than 256 MiB (`_FULL`): no module asks for what another has stored."""
    yield
    server = request.config.stash.get(_SHARED, None)
    if server is not None and server.size() > _FULL:
        server.empty()
        server.vacuum()
