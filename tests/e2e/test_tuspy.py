"""tuspy 1.1, blocking and async, against the server in front of a real S3."""

from __future__ import annotations

import asyncio
import base64
import io
import signal
from collections.abc import Callable

import pytest
import requests
from tusclient.client import TusClient

from tests.e2e.conftest import Deploy
from tests.e2e.deployment import MIB, SIZES, Deployment
from tests.support.tus import TUS
from tests.support.writing import random_bytes


@pytest.mark.parametrize("size", SIZES)
def test_tuspy_uploads_in_one_request(deployment: Deployment, size: int) -> None:
    data = random_bytes(size)
    uploader = TusClient(deployment.url).uploader(file_stream=io.BytesIO(data))
    uploader.upload()
    assert deployment.stored(uploader.url) == data


@pytest.mark.parametrize("chunk_size", [3 * MIB, 5 * MIB, 8 * MIB, 8 * MIB + 1])
def test_tuspy_uploads_in_chunks_with_checksums(deployment: Deployment, chunk_size: int) -> None:
    data = random_bytes(20 * MIB + 17)
    uploader = TusClient(deployment.url).uploader(
        file_stream=io.BytesIO(data), chunk_size=chunk_size, upload_checksum=True
    )
    uploader.upload()
    assert deployment.stored(uploader.url) == data


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp's advice to the client
@pytest.mark.parametrize("size", SIZES)
async def test_tuspy_uploads_async(deployment: Deployment, size: int) -> None:
    data = random_bytes(size)
    uploader = TusClient(deployment.url).async_uploader(file_stream=io.BytesIO(data), chunk_size=7 * MIB)
    await uploader.upload()
    assert deployment.stored(uploader.url) == data


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"filename": "résumé 日本語 🎉.pdf", "note": "a, b; c"},
        {"filename": "", "empty": ""},
    ],
    ids=["none", "unicode", "empty"],
)
def test_metadata_comes_back_as_tuspy_sent_it(deployment: Deployment, metadata: dict[str, str]) -> None:
    uploader = TusClient(deployment.url).uploader(file_stream=io.BytesIO(b"x"), metadata=metadata)
    uploader.upload()
    field = requests.head(uploader.url or "", headers=TUS, timeout=10).headers.get("Upload-Metadata", "")
    assert _decoded(field) == metadata
    assert deployment.stored(uploader.url) == b"x"


def test_tuspy_goes_on_with_an_upload_of_another_process(deployment: Deployment) -> None:
    data = random_bytes(20 * MIB + 17)
    first = TusClient(deployment.url).uploader(file_stream=io.BytesIO(data), chunk_size=3 * MIB)
    first.upload(stop_at=9 * MIB)
    second = TusClient(deployment.url).uploader(file_stream=io.BytesIO(data), url=first.url)
    assert second.offset == 9 * MIB
    second.upload()
    assert deployment.stored(second.url) == data


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_an_upload_by_tuspy_outlives_the_server(deploy: Deploy, end: signal.Signals) -> None:
    data, reached = random_bytes(30 * MIB + 17), asyncio.Event()
    async with deploy() as deployment:
        loop = asyncio.get_running_loop()
        stream = _Tripwire(data, 14 * MIB, lambda: loop.call_soon_threadsafe(reached.set))
        uploader = TusClient(deployment.url).uploader(
            file_stream=stream, chunk_size=3 * MIB, retries=100, retry_delay=0.1
        )
        uploading = asyncio.create_task(asyncio.to_thread(uploader.upload))
        await reached.wait()
        acknowledged = uploader.offset
        if end is signal.SIGKILL:
            await deployment.server.kill()
        else:
            assert await deployment.server.stop() == 0
        assert not uploading.done()
        await deployment.server.start()
        assert await deployment.offset(uploader.url or "") >= acknowledged > 0
        await uploading
        assert deployment.stored(uploader.url) == data


class _Tripwire(io.BytesIO):
    """A stream that calls `reached` at each read that begins at or after `offset`."""

    def __init__(self, data: bytes, offset: int, reached: Callable[[], object]) -> None:
        super().__init__(data)
        self._offset, self._reached = offset, reached

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= self._offset:
            self._reached()
        return super().read(size)


def _decoded(header: str) -> dict[str, str]:
    pairs = (pair.partition(" ") for pair in header.split(",") if pair)
    return {key: base64.b64decode(value).decode() for key, _, value in pairs}
