"""The dashboard in a browser that runs no script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.visitor import PATIENCE
from tests.support.server import Server, serving
from tests.support.tus import TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    watched: dict[str, Any] = {"dashboard": True, "state": f"sqlite:{tmp_path}/state.db"}
    async with serving(tmp_path, storage=f"file:{tmp_path}/data", **watched) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, server: Server) -> AsyncIterator[Page]:
    """The dashboard in a browser that runs no script. Its response has begun, and goes on during the test. The fixture
    fails at the end if the browser's console got a message."""
    complaints = list[str]()
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    await page.goto(f"{server.origin}/dashboard", wait_until="commit")
    yield page
    await context.close()
    assert complaints == []


async def width(bar: Locator) -> float:
    box = await bar.bounding_box()
    return 0.0 if box is None else box["width"]


async def test_a_bar_moves_while_an_upload_runs(page: Page, server: Server) -> None:
    await expect(page.get_by_text("No uploads.")).to_be_visible()
    async with aiohttp.ClientSession() as session:
        client = TusClient(session, server.url)
        url = await client.create(100, upload_metadata="filename ZmlsbS5tcDQ=")
        upload = page.get_by_role("article").filter(has_text="film.mp4")
        await expect(upload).to_be_visible()
        await expect(page.get_by_text("No uploads.")).to_be_hidden()
        bar, whole = upload.locator(".bar i"), await width(upload.locator(".bar"))
        for offset in (0, 30, 60):
            await client.patch(url, offset, b"x" * 30)

            async def moved(expected: float = (offset + 30) / 100 * whole) -> bool:
                return abs(await width(bar) - expected) < 1

            await until(moved, within=PATIENCE / 1000)


async def test_a_button_ends_an_upload(page: Page, server: Server) -> None:
    async with aiohttp.ClientSession() as session:
        client = TusClient(session, server.url)
        url = await client.create(100, upload_metadata="filename ZmlsbS5tcDQ=")
        upload = page.get_by_role("article").filter(has_text="film.mp4")
        await upload.get_by_role("button", name="Terminate").click(no_wait_after=True)
        await expect(page.get_by_text("No uploads.")).to_be_visible()
        assert (await client.head(url)).status == 404
