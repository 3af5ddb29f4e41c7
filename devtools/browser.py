"""A real browser: Debian's Chromium, driven by Playwright, whose own browsers aren't used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

from devtools.part import need

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """Return the path of Chromium. Raises MissingPartError."""
    return need("chromium", "install Debian's package chromium")


@asynccontextmanager
async def browsing(binary: str) -> AsyncIterator[Browser]:
    """Start the browser headless, with a new profile and without its sandbox, and stop it when the context ends."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=binary, args=FLAGS, chromium_sandbox=False)
        try:
            yield browser
        finally:
            await browser.close()
