"""Several clients at once, with two workers of a server, either of which may get any request."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import aiotus
import pytest
from tusclient.client import TusClient

from tests.e2e.conftest import Deploy
from tests.e2e.deployment import MIB, Deployment
from tests.e2e.tusjs import Start

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
"""Ignores aiohttp's warning about large bodies in one piece, which the client library causes."""


async def by_tuspy(url: str, data: bytes) -> str:
    uploader = TusClient(url).uploader(file_stream=io.BytesIO(data), chunk_size=3 * MIB, upload_checksum=True)
    await asyncio.to_thread(uploader.upload)
    return str(uploader.url)


async def by_aiotus(url: str, data: bytes) -> str:
    middle = len(data) // 2
    return str(await aiotus.upload_multiple(url, [io.BytesIO(data[:middle]), io.BytesIO(data[middle:])]))


async def by_tus_js(tus_js: Start, url: str, file: Path) -> str:
    async with tus_js(file=file, options={"endpoint": url, "parallelUploads": 3}) as client:
        done: str = (await client.until("success"))["url"]
        return done


async def upload_by_all(deployment: Deployment, tus_js: Start, data: bytes, file: Path) -> None:
    """Upload the same bytes at the same time with tuspy (twice), aiotus and tus-js-client, and check that each upload
    is a separate object with these bytes."""
    url = deployment.url
    urls = await asyncio.gather(
        by_tuspy(url, data), by_tuspy(url, data), by_aiotus(url, data), by_tus_js(tus_js, url, file)
    )
    assert len({*urls}) == len(urls)
    assert all(deployment.stored(stored_url) == data for stored_url in urls)


async def test_clients_at_once_with_workers_that_share_sqlite(
    deploy: Deploy, tus_js: Start, data: bytes, file: Path
) -> None:
    async with deploy(workers=2) as deployment:
        await upload_by_all(deployment, tus_js, data, file)


async def test_clients_at_once_with_workers_that_share_redis(
    deploy: Deploy, tus_js: Start, data: bytes, file: Path, redis_url: str
) -> None:
    async with deploy(workers=2, state=redis_url) as deployment:
        await upload_by_all(deployment, tus_js, data, file)
