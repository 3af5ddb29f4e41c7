"""Fixtures around a real S3."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devtools.seaweed import SeaweedFS
from tests.support.parts import started


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """One S3 for the session, with the bucket `uploads`. Tests that stop it start their own instead."""
    with started(SeaweedFS(tmp_path_factory.mktemp("seaweed"))) as server:
        yield server
