"""Fixtures around moto: an S3 whose parts may be as small as a test likes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devtools.moto import Moto


@pytest.fixture(scope="session")
def moto_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an S3 with the bucket `uploads` that takes parts of any size."""
    with Moto(tmp_path_factory.mktemp("moto")) as moto:
        yield moto.endpoint
