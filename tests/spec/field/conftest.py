"""One server for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.seaweed import SeaweedFS
from tests.support.sites import Site, s3_site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory, seaweed: SeaweedFS) -> AsyncIterator[Site]:
    """Everything as it comes, on S3 with its smallest parts."""
    async with s3_site(tmp_path_factory.mktemp("field"), seaweed) as found:
        yield found
        await found.stop()
