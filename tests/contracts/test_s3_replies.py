"""Replies that are not taken for S3's success or refusal, and those that are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tusd_py.ports.meter import Meter
from tusd_py.storage.s3.api.client import S3Client
from tusd_py.storage.s3.api.connect import connect
from tusd_py.storage.s3.api.errors import S3Error, S3Missing, S3TransientError
from tusd_py.storage.s3.api.requests import Payload
from tusd_py.storage.s3.options import S3Options

NO_SUCH_KEY = "<Error><Code>NoSuchKey</Code></Error>"
ELSEWHERE = "<Error><Code>PermanentRedirect</Code></Error>"


@asynccontextmanager
async def answered(status: int, text: str = "", headers: Mapping[str, str] | None = None) -> AsyncIterator[S3Client]:
    """A client of an S3 that gives this answer to every request."""

    async def reply(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=status, text=text, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{key:.*}", reply)
    async with TestServer(app) as s3:
        options = S3Options(bucket="uploads", endpoint_url=str(s3.make_url("")), addressing_style="path")
        async with connect(options, Meter()) as connection:
            yield connection.client


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")


async def _byte() -> AsyncIterator[bytes]:
    yield b"?"


async def test_a_success_that_names_no_etag_is_trouble() -> None:
    async with answered(200) as client:
        with pytest.raises(S3TransientError, match="NoETag"):
            await client.upload_part("k", "m", 1, Payload(length=1, chunks=_byte), {})


async def test_a_bucket_that_is_elsewhere_is_told_with_its_region() -> None:
    async with answered(301, ELSEWHERE, {"x-amz-bucket-region": "eu-north-1"}) as client:
        with pytest.raises(S3Error, match="set AWS_REGION to eu-north-1"):
            await client.upload_part("k", "m", 1, Payload(length=1, chunks=_byte), {})


async def test_a_missing_bucket_is_no_missing_upload() -> None:
    """A missing bucket isn't reported as a missing upload."""
    async with answered(404) as client:
        with pytest.raises(S3Error, match="NoSuchBucket") as error:
            await client.ping()
    assert not isinstance(error.value, S3Missing)


@pytest.mark.parametrize(("status", "text"), [(200, "?"), (404, NO_SUCH_KEY)], ids=["a key", "no key"])
async def test_a_ping_accepts_a_missing_key(status: int, text: str) -> None:
    """A ping succeeds whether or not the key exists."""
    async with answered(status, text) as client:
        assert await client.reach("k") is (status == 200)
        assert not client.writable, "it has taken no body yet"


async def test_a_404_that_is_not_s3s_does_not_reach_it() -> None:
    async with answered(404, "404 page not found") as client:
        with pytest.raises(S3TransientError):
            await client.reach("k")
