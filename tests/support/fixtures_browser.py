"""Fixtures around a real browser. Playwright lives in one event loop, so the tests that use it share the session's:
`pytestmark = pytest.mark.asyncio(loop_scope="session")`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from devtools.browser import browsing, chromium
from tests.support.parts import present


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for the session."""
    async with browsing(present(chromium)) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def browser_context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A new browser context, without cookies and stored data."""
    context = await browser.new_context()
    try:
        yield context
    finally:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def tab(browser_context: BrowserContext) -> Page:
    """An empty tab of `browser_context`."""
    return await browser_context.new_page()
