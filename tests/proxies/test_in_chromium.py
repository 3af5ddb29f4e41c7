"""Chromium through each proxy: events, a WebSocket and a form from a page that came in HTTP/2, and the dashboard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.proxies.conftest import Way
from tests.support.tus import TusClient, until
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE = 60_000
"""The most milliseconds until a page shows what a test waits for, also on a busy machine."""
LISTEN = """(url) => {
    window.told = []
    const tell = (event) => window.told.push(event.type)
    const source = new EventSource(url + '/events')
    for (const type of ['state', 'progress', 'end']) source.addEventListener(type, tell)
    source.addEventListener('end', () => source.close())
}"""
OPEN = """(url) => {
    window.told = []
    window.socket = new WebSocket(url.replace(/^http/, 'ws') + '/socket')
    socket.onmessage = ({ data }) => window.told.push(JSON.parse(data))
}"""
FORM = """<form method="post" enctype="multipart/form-data" action="/files/">
<label>Files <input type="file" name="file" multiple></label><button>Upload</button></form>"""


@pytest_asyncio.fixture(loop_scope="session")
async def client(watched: Way) -> AsyncIterator[TusClient]:
    connector = aiohttp.TCPConnector(ssl=watched.front.tls())
    async with aiohttp.ClientSession(connector=connector) as session:
        yield TusClient(session, watched.url)


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser context that accepts any TLS certificate."""
    context = await browser.new_context(ignore_https_errors=True)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext, watched: Way) -> Page:
    """A page at `/uploads` behind the proxy, so of the same origin as the uploads. Setup fails unless it came in
    HTTP/2."""
    page = await context.new_page()
    await page.goto(f"{watched.origin}/uploads?format=json")
    protocol = "() => performance.getEntriesByType('navigation')[0].nextHopProtocol"
    assert await page.evaluate(protocol) == "h2"
    return page


async def test_events_come_while_the_upload_runs(page: Page, client: TusClient) -> None:
    url = await client.create(10)
    await page.evaluate(LISTEN, url)
    await page.wait_for_function("told.includes('state')")
    await client.patch(url, 0, b"12345")
    await page.wait_for_function("told.includes('progress')")
    await client.patch(url, 5, b"67890")
    await page.wait_for_function("told.at(-1) === 'end'")


async def test_a_socket_pauses_and_tells_the_end(page: Page, client: TusClient) -> None:
    url = await client.create(10)
    await page.evaluate(OPEN, url)
    await page.wait_for_function("told.at(-1)?.action === 'progress'")
    await page.evaluate("""() => socket.send('{"action": "pause"}')""")
    await page.wait_for_function("told.at(-1).payload.paused")
    assert (await client.patch(url, 0, b"12345")).status == 423
    await page.evaluate("""() => socket.send('{"action": "resume"}')""")
    await page.wait_for_function("!told.at(-1).payload.paused")
    await client.patch(url, 0, b"1234567890")
    await page.wait_for_function("told.at(-1).action === 'success'")


async def test_a_bar_of_the_dashboard_moves(context: BrowserContext, client: TusClient, watched: Way) -> None:
    page = await context.new_page()
    await page.goto(f"{watched.origin}/dashboard", wait_until="commit")
    url = await client.create(100, upload_metadata="filename ZmlsbS5tcDQ=")
    upload = page.locator(f"article.u-{url.rpartition('/')[2]}")
    await expect(upload).to_be_visible(timeout=PATIENCE)
    await client.patch(url, 0, bytes(50))

    async def moved() -> bool:
        bar, whole = [await upload.locator(part).bounding_box() for part in (".bar i", ".bar")]
        return bool(bar and whole and abs(2 * bar["width"] - whole["width"]) < 2)

    await until(moved, within=PATIENCE / 1000)
    await upload.get_by_role("button", name="Terminate").click(no_wait_after=True)
    await expect(upload).to_be_hidden(timeout=PATIENCE)


async def test_a_form_uploads_files(page: Page, watched: Way, tmp_path: Path) -> None:
    names = {"one.bin": random_bytes(3 * 2**20), "zwei ü.txt": b"two"}
    for name, content in names.items():
        (tmp_path / name).write_bytes(content)
    await page.set_content(FORM)
    await page.get_by_label("Files").set_input_files([tmp_path / name for name in names])
    await page.get_by_role("button", name="Upload").click()
    await expect(page.get_by_role("heading", name="Uploaded")).to_be_visible(timeout=PATIENCE)
    for name, content in names.items():
        url = await page.get_by_role("link", name=name).get_attribute("href")
        assert url is not None
        assert watched.stored(url) == content
