"""Replies to the server's S3 client: those that count as S3's success or refusal, and those, as of a proxy, another
region or a missing bucket, that raise S3Error or S3TransientError."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tusd_py.domain.span import Span
from tusd_py.domain.thresholds import Thresholds
from tusd_py.ports.meter import Meter
from tusd_py.storage.s3.api.client import S3Client
from tusd_py.storage.s3.api.connect import connect
from tusd_py.storage.s3.api.errors import S3Error, S3Missing, S3TransientError
from tusd_py.storage.s3.api.requests import Payload
from tusd_py.storage.s3.options import S3Options

NO_SUCH_KEY = "<Error><Code>NoSuchKey</Code></Error>"
ELSEWHERE = "<Error><Code>PermanentRedirect</Code></Error>"


@asynccontextmanager
async def answered(
    status: int,
    text: str = "",
    headers: Mapping[str, str] | None = None,
    *,
    uploads: str | None = None,
    methods: list[str] | None = None,
) -> AsyncIterator[S3Client]:
    """Yield a client of an S3 that gives this answer to every request; with `uploads`, XML of `Upload` elements, a list
    of multipart uploads is answered with these instead. The methods of the requests are added to `methods`."""

    async def reply(request: web.Request) -> web.Response:
        await request.read()
        if methods is not None:
            methods.append(request.method)
        if uploads is not None and "uploads" in request.query:
            return web.Response(
                text=f"<ListMultipartUploadsResult><Bucket>b</Bucket>{uploads}</ListMultipartUploadsResult>"
            )
        return web.Response(status=status, text=text, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{key:.*}", reply)
    async with TestServer(app) as s3:
        options = S3Options(bucket="uploads", endpoint_url=str(s3.make_url("")), addressing_style="path")
        async with connect(options, Meter()) as connection:
            client = connection.client
            yield S3Client(client._boto, client._raw, "uploads", Meter(), thresholds=Thresholds(attempts=2))


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


@pytest.mark.parametrize("status", [301, 302, 307])
async def test_a_redirect_is_not_followed(status: int) -> None:
    """A redirect raises S3Error after one request: botocore's search for the bucket's region, one HeadBucket after
    another, doesn't happen."""
    methods = list[str]()
    async with answered(status, methods=methods) as client:
        with pytest.raises(S3Error, match=f"S3 HeadBucket: {status}"):
            await client.ping()
        assert methods == ["HEAD"]
        with pytest.raises(S3Error, match=f"S3 ListParts: {status}"):
            await client.list_parts("k", "m")
    assert methods.count("HEAD") == 1


async def test_a_bucket_of_another_region_is_pinged_once() -> None:
    methods = list[str]()
    async with answered(400, headers={"x-amz-bucket-region": "eu-north-1"}, methods=methods) as client:
        with pytest.raises(S3Error, match="set AWS_REGION to eu-north-1"):
            await client.ping()
    assert methods == ["HEAD"]


async def test_a_missing_bucket_is_no_missing_upload() -> None:
    """`ping` raises S3Error with NoSuchBucket for a missing bucket, and not S3Missing as for a missing object or
    multipart upload."""
    async with answered(404) as client:
        with pytest.raises(S3Error, match="NoSuchBucket") as error:
            await client.ping()
    assert not isinstance(error.value, S3Missing)


@pytest.mark.parametrize(("status", "text"), [(200, "?"), (404, NO_SUCH_KEY)], ids=["a key", "no key"])
async def test_a_ping_accepts_a_missing_key(status: int, text: str) -> None:
    """`reach`, a GetObject by the HTTP client that sends bodies, returns True if the key exists, and False if S3 says
    NoSuchKey. It sends no body, so the client's `writable` stays False: that is True once S3 has taken a body."""
    async with answered(status, text) as client:
        assert await client.reach("k") is (status == 200)
        assert not client.writable, "it has taken no body yet"


async def test_a_404_that_is_not_s3s_does_not_reach_it() -> None:
    async with answered(404, "404 page not found") as client:
        with pytest.raises(S3TransientError):
            await client.reach("k")


async def _exhaust(items: AsyncIterable[Any]) -> None:
    async for _ in items:
        pass


QUESTIONS: Mapping[str, Callable[[S3Client], Awaitable[object]]] = {
    "ListParts": lambda client: client.list_parts("k", "m"),
    "ListObjectsV2": lambda client: _exhaust(client.list_objects("k")),
    "ListMultipartUploads": lambda client: _exhaust(client.list_multiparts("k")),
    "DeleteObjects": lambda client: client.delete(["a", "b"]),
    "HeadObject": lambda client: client.head("k"),
    "GetBucketCors": lambda client: client.cors(),
    "GetObject": lambda client: _exhaust(client.get("k")),
    "GetObject, range": lambda client: _exhaust(client.get("k", Span(0, 100))),
}
PAGES = ["", "<html><body>maintenance</body></html>", "maintenance"]


@pytest.mark.parametrize("text", PAGES, ids=["nothing", "XHTML", "text"])
@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_proxys_success_is_trouble(question: str, text: str) -> None:
    """A 200 without what S3 would answer, as a proxy's, raises S3TransientError: else a bucket would look empty, and
    uploads would fall back to 0."""
    async with answered(200, text) as client:
        with pytest.raises(S3TransientError):
            await QUESTIONS[question](client)


@pytest.mark.parametrize(
    ("status", "content_range"),
    [(200, "bytes 4-7/9"), (206, None), (206, "bytes 3-6/9"), (206, "bytes 4-8/9"), (206, "bytes 4-6/9"), (206, "4-7")],
)
async def test_a_range_that_was_not_asked_for_is_trouble(status: int, content_range: str | None) -> None:
    headers = {"ETag": '"e"'} | ({"Content-Range": content_range} if content_range else {})
    async with answered(status, "four", headers) as client:
        with pytest.raises(S3TransientError, match="NoContentRange"):
            await _exhaust(client.get("k", Span(4, 8)))


async def test_the_range_that_was_asked_for_is_read() -> None:
    async with answered(206, "four", {"ETag": '"e"', "Content-Range": "bytes 4-7/9"}) as client:
        assert b"".join([chunk async for chunk in client.get("k", Span(4, 8))]) == b"four"


BEGUN = "<Upload><Key>k</Key><UploadId>m</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload>"


async def test_a_missing_object_is_deleted() -> None:
    async with answered(404, NO_SUCH_KEY) as client:
        await client.delete(["k"])


async def test_a_multipart_gone_without_a_code_is_aborted() -> None:
    """An abort that gets a 404 without S3's error code succeeds if S3 doesn't list the multipart upload: else its
    removal would be tried again and again."""
    async with answered(404, "not found", uploads="") as client:
        await client.abort_multipart("k", "m")


async def test_a_multipart_that_is_listed_is_not_aborted() -> None:
    async with answered(404, "not found", uploads=BEGUN) as client:
        with pytest.raises(S3TransientError):
            await client.abort_multipart("k", "m")
