"""@uppy/aws-s3 6 and 5 in a page of another origin, whose bytes go straight to S3: the browser applies the CORS rules
of the server and of S3."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route

from devtools.pages import bundle, site
from devtools.seaweed import SeaweedFS
from tests.browser.conftest import Deploy
from tests.browser.visitor import Visitor, visiting
from tests.e2e.deployment import Deployment
from tests.e2e.tusjs import PROJECT
from tests.support.valve import MIB
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="session")

DONE = "uppy.getFiles().length > 0 && uppy.getFiles().every((file) => file.progress.uploadComplete)"
FAILED = "uppy.getFiles().some((file) => file.error)"
ERRORS = "uppy.getFiles().map((file) => file.error)"
URL = "uppy.getFiles()[0].uploadURL"
STATE = "uppy.getFiles()[0]?.s3Multipart"
FETCHED = "async (url) => [...new Uint8Array(await (await fetch(url)).arrayBuffer())].length"
WAYS = ("version 6", "version 6, signing", "version 5")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pages(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The origin, another than the server's, that serves a page for each version of @uppy/aws-s3."""
    directory = tmp_path_factory.mktemp("direct")
    for script in (PROJECT / "page6.js", PROJECT / "uppy5" / "page5.js"):
        bundle(script, directory)
    async with site(directory) as origin:
        yield origin


@pytest.fixture(autouse=True)
def no_rules_are_left(seaweed: SeaweedFS) -> Iterator[None]:
    yield
    seaweed.client(seaweed.admin).delete_bucket_cors(Bucket=seaweed.bucket)


@pytest_asyncio.fixture(loop_scope="session")
async def direct(deploy: Deploy, pages: str) -> AsyncIterator[Deployment]:
    """A deployment with direct uploads, which allows, as its bucket does, the pages of the origin `pages` and no others
    (CORS)."""
    origin = pages.replace(".", r"\.")
    async with deploy(direct_uploads=True, download_mode="redirect", cors_allow_origin=origin) as deployment:
        assert (await deployment.server.command("check", "--cors", "--install")).code == 0
        yield deployment


@pytest_asyncio.fixture(loop_scope="session")
async def guest(browser: Browser) -> AsyncIterator[Visitor]:
    async with visiting(browser) as one:
        yield one


async def begin(guest: Visitor, pages: str, way: str, deployment: Deployment, file: Path, **query: str) -> None:
    endpoint = deployment.url.rstrip("/")
    entrance = {"presign": f"{endpoint}/s3/presign"} if "signing" in way else {"endpoint": endpoint}
    page = "page5.html" if "5" in way else "page6.html"
    await guest.tab.goto(f"{pages}/{page}?{urlencode({**entrance, **query})}")
    await guest.tab.locator("input").set_input_files(file)


async def done(guest: Visitor) -> None:
    """Wait until the upload is done. If the page reports a failure, fail at once with its errors and complaints."""
    await guest.tab.wait_for_function(f"{DONE} || {FAILED}")
    assert not await guest.tab.evaluate(FAILED), [await guest.tab.evaluate(ERRORS), *guest.complaints]


def put_to(guest: Visitor) -> set[str]:
    return {urlsplit(url).netloc for url in guest.requested_urls("PUT")}


def ends(url: str) -> bool:
    """Return True if the URL can be that of a request which completes an upload. Where the page asks the server to sign
    its requests, the URLs that list the parts or abort the upload match, too."""
    return "/complete?" in url or ("/s3/xml/" in url and not url.endswith("&uploads"))


async def unanswered(_: Route) -> None:
    """Leave a request of the page without a response: if it would complete the upload, the upload is still incomplete
    when the test leaves the page."""


@pytest.mark.parametrize("way", WAYS)
async def test_parts_go_to_s3_alone(
    direct: Deployment, guest: Visitor, pages: str, film: Path, data: bytes, seaweed: SeaweedFS, way: str
) -> None:
    await begin(guest, pages, way, direct, film)
    await done(guest)
    url = await guest.tab.evaluate(URL)
    assert direct.stored(url) == data
    assert put_to(guest) == {urlsplit(seaweed.endpoint).netloc}
    assert await guest.tab.evaluate(FETCHED, url) == len(data)


async def test_200_mib_go_straight_to_s3(direct: Deployment, guest: Visitor, pages: str, tmp_path: Path) -> None:
    data = random_bytes(200 * MIB)
    (tmp_path / "large.mp4").write_bytes(data)
    await begin(guest, pages, "version 6", direct, tmp_path / "large.mp4")
    await done(guest)
    assert direct.stored(await guest.tab.evaluate(URL)) == data


@pytest.mark.parametrize("way", WAYS)
async def test_a_small_file_in_one_request(
    direct: Deployment, guest: Visitor, pages: str, tmp_path: Path, way: str
) -> None:
    (tmp_path / "note.txt").write_bytes(b"hello")
    await begin(guest, pages, way, direct, tmp_path / "note.txt")
    await done(guest)
    (key,) = direct.residue()
    url = direct.url + key.rpartition("/")[2]
    assert await direct.offset(url) == 5
    assert direct.stored(url) == b"hello"


@pytest.mark.parametrize("way", WAYS)
async def test_a_reload_in_the_middle(
    direct: Deployment, guest: Visitor, pages: str, film: Path, data: bytes, way: str
) -> None:
    await guest.context.route(ends, unanswered)
    async with guest.tab.expect_event("requestfinished", lambda request: request.method == "PUT"):
        await begin(guest, pages, way, direct, film)
    state: Any = await guest.tab.evaluate(STATE)
    await guest.tab.goto("about:blank")  # what is held back is gone with its page: unrouted, it would still be sent
    await guest.context.unroute(ends)
    await begin(guest, pages, way, direct, film, restored=json.dumps(state))
    await done(guest)
    url = await guest.tab.evaluate(URL)
    assert url == direct.url + state["uploadId"]
    assert direct.stored(url) == data


@pytest.mark.parametrize("way", WAYS)
async def test_without_the_rules_nothing_arrives(
    direct: Deployment, guest: Visitor, pages: str, film: Path, seaweed: SeaweedFS, way: str
) -> None:
    foreign_rule = {"AllowedOrigins": ["https://other.example"], "AllowedMethods": ["PUT"], "AllowedHeaders": ["*"]}
    rules = {"CORSRules": [foreign_rule]}
    seaweed.client(seaweed.admin).put_bucket_cors(Bucket=seaweed.bucket, CORSConfiguration=rules)
    assert (await direct.server.command("check", "--cors")).code == 1
    await begin(guest, pages, way, direct, film)
    await guest.tab.wait_for_function(FAILED)
