"""GET of a finished upload (outside tus; RFC 9110)."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.support.raw import connected
from tests.support.sites import Site
from tests.support.tus import TusClient, encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1024 * 1024
ORIGIN = "https://shop.example"


@pytest.mark.parametrize("size", [0, 1, 6 * MIB])
async def test_t86_get_returns_the_bytes_as_attachment(tus_on: TusClient, size: int) -> None:
    """GET of a finished upload without a declared type returns exactly its bytes as an attachment, with CORS headers;
    after a DELETE it is 404."""
    data = os.urandom(size)
    upload = await tus_on.create(size, data, upload_metadata=f"filename {encoded('ü.html'.encode())}")
    answer = await tus_on.get(upload, origin=ORIGIN, tus_resumable=None)
    assert (answer.status, answer.body) == (200, data)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "filename*=UTF-8''%C3%BC.html" in answer.headers["Content-Disposition"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert (await tus_on.delete(upload)).status == 204
    assert (await tus_on.get(upload)).status == 404


async def test_t86_an_unfinished_upload_is_404_with_cors(tus: TusClient) -> None:
    answer = await tus.get(await tus.create(5, b"abc"), origin=ORIGIN)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (404, ORIGIN)
    assert answer.body.startswith(b"not-finished: ")


@pytest.mark.parametrize(
    ("range_field", "status", "content_range", "body"),
    [
        ("bytes=2-4", 206, "bytes 2-4/10", b"234"),
        ("bytes=7-", 206, "bytes 7-9/10", b"789"),
        ("bytes=-3", 206, "bytes 7-9/10", b"789"),
        ("bytes=0-99", 206, "bytes 0-9/10", b"0123456789"),
        ("bytes=10-", 416, "bytes */10", b""),
        ("lines=1-2", 200, None, b"0123456789"),
    ],
)
async def test_ranges_are_206_or_416_with_cors(
    tus_on: TusClient, range_field: str, status: int, content_range: str | None, body: bytes
) -> None:
    answer = await tus_on.get(await tus_on.create(10, b"0123456789"), range=range_field, origin=ORIGIN)
    assert (answer.status, answer.headers.get("Content-Range"), answer.body) == (status, content_range, body)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Content-Range" in answer.headers["Access-Control-Expose-Headers"]


async def test_conditions_are_304_or_412_with_cors(tus_on: TusClient) -> None:
    upload = await tus_on.create(3, b"abc")
    etag = (await tus_on.get(upload)).headers["ETag"]
    unchanged = await tus_on.get(upload, if_none_match=etag, origin=ORIGIN)
    mismatch = await tus_on.get(upload, if_match='"other"', origin=ORIGIN)
    assert [(answer.status, answer.body) for answer in (unchanged, mismatch)] == [(304, b""), (412, b"")]
    for answer in (unchanged, mismatch):
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert (await tus_on.get(upload, if_range='"other"', range="bytes=0-0")).status == 200
    assert (await tus_on.get(upload, if_range=etag, range="bytes=0-0")).body == b"a"


async def test_a_reader_that_leaves_early_harms_nobody(site: Site, tus_on: TusClient) -> None:
    data = os.urandom(20 * MIB)
    upload = await tus_on.create(len(data), data)
    async with connected(tus_on.port) as leaving:
        await leaving.head("GET", upload)
        leaving.leave()
    answers = await asyncio.gather(*(tus_on.content(upload) for _ in range(2)))
    assert answers == [data, data]
    assert "Traceback" not in site.server.log()


async def test_plain_head_has_download_headers(tus: TusClient) -> None:
    url = await tus.create(3, b"abc", upload_metadata=f"filename {encoded(b'a.png')},filetype {encoded(b'image/png')}")
    got, head = await tus.get(url), await tus.head(url, tus_resumable=None)
    for name in ("Content-Length", "Content-Type", "Content-Disposition", "Accept-Ranges", "ETag", "Last-Modified"):
        assert head.headers[name] == got.headers[name], name
    assert (head.status, head.offset, head.headers["Cache-Control"]) == (200, 3, "no-store")
    assert "Content-Type" not in (await tus.head(url)).headers
    unfinished = await tus.head(await tus.create(3), tus_resumable=None)
    assert "Accept-Ranges" not in unfinished.headers


async def test_a_reader_may_save_what_could_be_shown(tus: TusClient) -> None:
    url = await tus.create(3, b"abc", upload_metadata=f"filetype {encoded(b'image/png')}")
    assert (await tus.get(url)).headers["Content-Disposition"] == "inline"
    assert (await tus.get(f"{url}?download")).headers["Content-Disposition"] == "attachment"
