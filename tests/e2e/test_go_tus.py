"""go-tus against the server in front of a real S3, where Go is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import golang
from tests.e2e.deployment import Deployment


@pytest.mark.parametrize("override", [False, True])
async def test_go_tus_uploads_stops_and_goes_on(
    deployment: Deployment, data: bytes, file: Path, *, override: bool
) -> None:
    url = await golang.upload(deployment.url, file, override=override)
    assert deployment.stored(url) == data
