"""@uppy/tus in a page of another origin, where the browser enforces CORS."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.async_api import Page

from tests.browser.conftest import Deploy
from tests.browser.visitor import Visitor
from tests.e2e.deployment import Deployment
from tests.support.logins import JWT, bearing
from tests.support.valve import MIB, Valve

pytestmark = pytest.mark.asyncio(loop_scope="session")

DONE = "uppy.getFiles().length > 0 && uppy.getFiles().every((file) => file.progress.uploadComplete)"
FAILED = "uppy.getFiles().some((file) => file.error)"
URL = "uppy.getFiles()[0].uploadURL"
RETRIEVABLE = """async () => {
  const get = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result) })
  const database = await get(indexedDB.open('uppy-blobs'))
  const rows = database.transaction(['files', 'metadata'])
  const [files, states] = await Promise.all(['files', 'metadata'].map((name) => get(rows.objectStore(name).getAll())))
  database.close()
  return files.length && states.length && states[0].metadata.includes('uploadUrl')
}"""
"""A JavaScript function that returns a true value once Uppy has stored a file and its upload URL for a reload: Uppy
stores them some time after the upload began, and emits no event then."""
GO_ON = "uppy.emit('restore-confirmed')"


async def open_uppy(
    visitor: Visitor, elsewhere: str, url: str, *, retriever: bool = False, login: bool = False, **tus: object
) -> None:
    switches = {"retriever": retriever, "login": login}
    query = {"tus": json.dumps({"endpoint": url, **tus}), **{name: "" for name, on in switches.items() if on}}
    await visitor.tab.goto(f"{elsewhere}/uppy.html?{urlencode(query)}")


async def choose(tab: Page, *files: Path) -> None:
    await tab.locator("input").set_input_files(files)


async def finished(tab: Page) -> str:
    """Return the first file's upload URL, once Uppy has completed all its files."""
    await tab.wait_for_function(DONE)
    url: str = await tab.evaluate(URL)
    return url


async def test_uppy_uploads(deployment: Deployment, elsewhere: str, visitor: Visitor, film: Path, data: bytes) -> None:
    await open_uppy(visitor, elsewhere, deployment.url)
    await choose(visitor.tab, film)
    assert deployment.content(await finished(visitor.tab)) == data


async def test_uppy_uploads_many_files(
    deployment: Deployment, elsewhere: str, visitor: Visitor, tmp_path: Path
) -> None:
    contents = {f"{n}.bin": bytes([n]) * (n * 99_999) for n in range(30)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    await open_uppy(visitor, elsewhere, deployment.url)
    await choose(visitor.tab, *(tmp_path / name for name in contents))
    await finished(visitor.tab)
    urls = await visitor.tab.evaluate("Object.fromEntries(uppy.getFiles().map((file) => [file.name, file.uploadURL]))")
    assert {name: deployment.content(url) for name, url in urls.items()} == contents


async def test_without_cors_the_browser_lets_nothing_through(
    deploy: Deploy, elsewhere: str, visitor: Visitor, film: Path
) -> None:
    async with deploy(disable_cors=True) as deployment:
        await open_uppy(visitor, elsewhere, deployment.url, retryDelays=None)
        await choose(visitor.tab, film)
        await visitor.tab.wait_for_function(FAILED)
        assert deployment.residue() == []
    assert [complaint for complaint in visitor.complaints if "CORS policy" in complaint]
    visitor.complaints.clear()


async def test_only_origins_that_are_named_may_upload(
    deploy: Deploy, elsewhere: str, visitor: Visitor, film: Path, data: bytes
) -> None:
    async with deploy(cors_allow_origin=elsewhere, cors_allow_credentials=True) as deployment:
        await open_uppy(visitor, elsewhere, deployment.url, withCredentials=True, headers={"Authorization": "Bearer x"})
        await choose(visitor.tab, film)
        assert deployment.content(await finished(visitor.tab)) == data


async def test_uppy_pauses_and_goes_on(
    deployment: Deployment, valve: Valve, elsewhere: str, visitor: Visitor, film: Path, data: bytes
) -> None:
    await open_uppy(visitor, elsewhere, valve.url)
    valve.close()
    await choose(visitor.tab, film)
    await valve.full()
    await visitor.tab.evaluate("uppy.pauseAll()")
    valve.open()
    await visitor.tab.evaluate("uppy.resumeAll()")
    assert deployment.content(await finished(visitor.tab)) == data
    assert len(visitor.requested_urls("POST")) == 1


async def test_uppy_cancels(deploy: Deploy, elsewhere: str, visitor: Visitor, film: Path) -> None:
    async with deploy() as deployment, Valve(deployment.server.port) as valve:
        await open_uppy(visitor, elsewhere, valve.url)
        valve.close()
        await choose(visitor.tab, film)
        await valve.full()
        async with visitor.tab.expect_response(lambda response: response.request.method == "DELETE") as deletion:
            await visitor.tab.evaluate("uppy.cancelAll()")
        assert (await deletion.value).status == 204
        assert deployment.residue() == []


async def test_uppy_doesnt_send_the_same_file_again(
    deployment: Deployment, elsewhere: str, visitor: Visitor, film: Path
) -> None:
    await open_uppy(visitor, elsewhere, deployment.url)
    await choose(visitor.tab, film)
    first = await finished(visitor.tab)
    await visitor.tab.reload()
    await choose(visitor.tab, film)
    assert await finished(visitor.tab) == first
    assert len(visitor.requested_urls("POST")) == len(visitor.requested_urls("PATCH")) == 1


async def test_golden_retriever_goes_on_after_a_reload(
    deployment: Deployment, valve: Valve, elsewhere: str, visitor: Visitor, film: Path, data: bytes
) -> None:
    await open_uppy(visitor, elsewhere, valve.url, retriever=True)
    valve.close()
    await choose(visitor.tab, film)
    await valve.full()
    await visitor.tab.wait_for_function(RETRIEVABLE)
    await visitor.tab.reload()
    await visitor.tab.wait_for_function("uppy.getState().recoveredState")
    valve.open()
    await visitor.tab.evaluate(GO_ON)
    assert deployment.content(await finished(visitor.tab)) == data
    assert len(visitor.requested_urls("POST")) == 1


async def test_uppy_uploads_in_parallel(
    deployment: Deployment, elsewhere: str, visitor: Visitor, film: Path, data: bytes
) -> None:
    await open_uppy(visitor, elsewhere, deployment.url, parallelUploads=3)
    await choose(visitor.tab, film)
    assert deployment.content(await finished(visitor.tab)) == data
    assert (len(visitor.requested_urls("POST")), len(visitor.requested_urls("PATCH"))) == (4, 3)


@pytest.mark.parametrize("options", [{}, {"chunkSize": 3 * MIB}], ids=["one request", "chunks"])
async def test_uppy_goes_on_after_a_cut(
    deployment: Deployment,
    valve: Valve,
    elsewhere: str,
    visitor: Visitor,
    film: Path,
    data: bytes,
    options: dict[str, Any],
) -> None:
    await open_uppy(visitor, elsewhere, valve.url, **options)
    valve.close(at=2 * MIB)
    await choose(visitor.tab, film)
    await valve.full()
    valve.cut()
    valve.open()
    assert deployment.content(await finished(visitor.tab)) == data
    assert len(visitor.requested_urls("POST")) == 1


@pytest.mark.parametrize("reloaded", [False, True], ids=["in its page", "after a reload"])
async def test_uppy_keeps_its_place_through_a_token_that_expires(
    deploy: Deploy, elsewhere: str, visitor: Visitor, film: Path, data: bytes, *, reloaded: bool
) -> None:
    """Uppy resumes a cut upload though its token has expired when it asks for the offset: it gets a new token and
    creates no second upload."""
    issued = list[str]()

    async def new_token() -> str:
        age = 60 if len(issued) != 1 else -60
        issued.append(bearing("alice", exp=int(time.time()) + age)["Authorization"].removeprefix("Bearer "))
        return issued[-1]

    await visitor.context.expose_function("newToken", new_token)
    async with deploy(**JWT) as deployment, Valve(deployment.server.port) as valve:
        await open_uppy(visitor, elsewhere, valve.url, login=True)
        valve.close()
        await choose(visitor.tab, film)
        await valve.full()
        await (visitor.tab.reload() if reloaded else visitor.tab.evaluate("delete window.token"))
        valve.cut()
        valve.open()
        if reloaded:
            await choose(visitor.tab, film)
        assert deployment.content(await finished(visitor.tab)) == data
    assert (len(visitor.requested_urls("POST")), len(issued)) == (1, 3)
    assert visitor.requested_urls("HEAD")


async def test_uppy_goes_on_after_the_server_was_replaced(
    deploy: Deploy, elsewhere: str, visitor: Visitor, film: Path, data: bytes
) -> None:
    async with deploy() as deployment, Valve(deployment.server.port) as valve:
        await open_uppy(visitor, elsewhere, valve.url)
        valve.close()
        await choose(visitor.tab, film)
        await valve.full()
        assert await deployment.server.stop() == 0
        valve.open()
        await deployment.server.start()
        assert deployment.content(await finished(visitor.tab)) == data
        assert len(visitor.requested_urls("POST")) == 1


async def test_two_tabs_that_send_one_upload_both_end_with_it(
    deployment: Deployment, valve: Valve, elsewhere: str, visitor: Visitor, film: Path, data: bytes
) -> None:
    """Two tabs that send the same file with Uppy, unaware of each other, both end with the same complete upload."""
    await open_uppy(visitor, elsewhere, valve.url)
    valve.close()
    await choose(visitor.tab, film)
    await valve.full()
    second = await visitor.context.new_page()
    await second.goto(visitor.tab.url)
    await choose(second, film)
    async with second.expect_response(lambda response: response.request.method == "HEAD"):
        pass
    valve.open()
    urls = {await finished(visitor.tab), await finished(second)}
    assert len(urls) == 1
    assert deployment.content(urls.pop()) == data
