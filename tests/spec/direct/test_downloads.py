"""`download-mode = redirect`: a GET of a finished upload is redirected to S3, which sends what this server would send,
unless it is a direct upload that came in one request."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from devtools.seaweed import SeaweedFS
from tests.support.direct import MIB, DirectClient
from tests.support.rufh import RufhClient
from tests.support.s3proxy import S3Proxy
from tests.support.sites import Site, s3_site
from tests.support.tus import TusClient, encoded, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

DATA = os.urandom(MIB)
TOLD = ("Content-Type", "Content-Disposition", "Content-Encoding", "Cache-Control", "Content-Length", "ETag")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def redirecting(
    tmp_path_factory: pytest.TempPathFactory, seaweed: SeaweedFS, s3_proxy: S3Proxy
) -> AsyncIterator[tuple[Site, Site]]:
    """Two servers with the same state and storage: the first one redirects downloads to S3, the second one sends the
    bytes itself."""
    directory = tmp_path_factory.mktemp("redirect")
    shared = {
        "storage": f"s3://{seaweed.bucket}/redirect",
        "s3_endpoint_url": s3_proxy.endpoint,
        "s3_public_url": seaweed.endpoint,
        "direct_uploads": True,
        "state": f"sqlite:{directory}/state.db",
    }
    options = {"download_mode": "redirect", "download_url_lifetime": "2s"}
    async with s3_site(directory, seaweed, **shared, **options) as site, s3_site(directory, seaweed, **shared) as plain:
        yield site, plain
        await site.stop()
        await plain.stop()


@pytest.fixture
def tus_redirect(session: aiohttp.ClientSession, redirecting: tuple[Site, Site]) -> TusClient:
    return TusClient(session, redirecting[0].server.url)


@pytest.fixture
def tus_proxy(session: aiohttp.ClientSession, redirecting: tuple[Site, Site]) -> TusClient:
    return TusClient(session, redirecting[1].server.url)


@pytest.mark.parametrize(
    ("name", "kind", "coding"),
    [
        ("film.mp4", "video/mp4", ""),
        ("seite.html", "text/html", ""),
        ("Ünïcödé \"'\\;,%2F 日本.svg", "image/svg+xml", ""),
        ("a\r\nX-Evil: 1.txt", "text/plain", ""),
        ("", "", ""),
        ("log.txt", "text/plain; charset=iso-8859-1", "gzip"),
    ],
)
async def test_s3_sends_what_the_proxy_would(
    tus_redirect: TusClient, tus_proxy: TusClient, seaweed: SeaweedFS, name: str, kind: str, coding: str
) -> None:
    pairs = {"filename": name, "filetype": kind, "contentencoding": coding}
    metadata = ",".join(f"{key} {encoded(value.encode())}" for key, value in pairs.items())
    url = await tus_redirect.create(len(DATA), DATA, upload_metadata=metadata)
    redirect = await tus_redirect.get(url)
    assert (redirect.status, redirect.body) == (302, b"")
    assert redirect.headers["Cache-Control"] == "no-store"
    assert redirect.headers["Location"].startswith(f"{seaweed.endpoint}/{seaweed.bucket}/redirect/")
    from_s3 = await tus_redirect.get(redirect.headers["Location"], tus_resumable=None)
    from_server = await tus_proxy.get(url.replace(tus_redirect.url, tus_proxy.url))
    assert (from_s3.status, from_s3.body) == (from_server.status, from_server.body) == (200, DATA)
    assert {name: from_s3.headers.get(name) for name in TOLD} == {name: from_server.headers.get(name) for name in TOLD}


async def test_no_byte_of_it_comes_by_here(tus_redirect: TusClient, s3_proxy: S3Proxy) -> None:
    url = await tus_redirect.create(len(DATA), DATA)
    s3_proxy.reset()
    assert (await tus_redirect.get(url)).status == 302
    assert not s3_proxy.calls_of(url.rpartition("/")[2])


async def test_ranges_and_conditions(tus_redirect: TusClient) -> None:
    url = await tus_redirect.create(len(DATA), DATA)
    location = (await tus_redirect.get(url, range="bytes=5-9")).headers["Location"]
    part = await tus_redirect.get(location, tus_resumable=None, range="bytes=5-9")
    assert (part.status, part.body) == (206, DATA[5:10])
    etag = part.headers["ETag"]
    assert (await tus_redirect.get(url, if_none_match=etag)).status == 304
    assert (await tus_redirect.get(url, if_match='"other"')).status == 412
    assert (await tus_redirect.get(url, range=f"bytes={len(DATA)}-")).status == 416
    assert (await tus_redirect.get(url, if_match=etag)).status == 302


async def test_the_url_is_worth_nothing_soon(tus_redirect: TusClient) -> None:
    location = (await tus_redirect.get(await tus_redirect.create(len(DATA), DATA))).headers["Location"]

    async def expired() -> bool:
        return (await tus_redirect.get(location, tus_resumable=None)).status == 403

    await until(expired)


async def test_only_get_is_redirected_and_only_what_is_finished(
    session: aiohttp.ClientSession, tus_redirect: TusClient
) -> None:
    open_one = await tus_redirect.create(10, b"12345")
    assert (await tus_redirect.get(open_one)).status == 404
    url = await tus_redirect.create(len(DATA), DATA)
    assert (await tus_redirect.head(url)).status == 200
    assert (await tus_redirect.patch(url, len(DATA), b"")).status == 204
    assert (await RufhClient(session, tus_redirect.url).head(url)).status == 204
    assert (await tus_redirect.delete(url)).status == 204
    assert (await tus_redirect.get(url)).status == 404


async def test_what_came_in_one_request_is_sent_from_here(
    session: aiohttp.ClientSession, redirecting: tuple[Site, Site]
) -> None:
    """A direct upload in one request is downloaded from this server, as a repeat of that request could replace its
    object in S3; one in parts is redirected."""
    direct = DirectClient(session, redirecting[0].server.url)
    signed = await direct.params(size=len(DATA))
    assert (await direct.form(signed["url"], signed["fields"], DATA)).status == 201
    assert await direct.content(signed["fields"]["x-amz-meta-tus-id"]) == DATA
    upload = await direct.begin(size=len(DATA))
    assert (await direct.complete(upload, await direct.parts(upload, DATA))).status == 200
    assert (await direct.request("GET", direct.files + upload.upload_id)).status == 302


async def test_what_was_put_together_is_one_object_too(tus_redirect: TusClient) -> None:
    pieces = [os.urandom(5 * MIB), DATA]
    final = await tus_redirect.final(*await tus_redirect.partials(*pieces))
    location = (await tus_redirect.get(final.url)).headers["Location"]
    assert (await tus_redirect.get(location, tus_resumable=None)).body == b"".join(pieces)
