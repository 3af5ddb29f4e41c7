"""Fixtures around a real S3."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.parts import missing
from tests.support.seaweed import SeaweedFS, running, weed


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """One S3 for the session, with the bucket `uploads`. Tests that stop it start their own instead."""
    if not weed():
        missing("SeaweedFS")
    with running(tmp_path_factory.mktemp("seaweed")) as server:
        yield server
