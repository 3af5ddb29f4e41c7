"""A visitor of the page: what they do, and what they see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Locator, Page, Request, Response, expect

PATIENCE = 40_000.0
"""The most milliseconds that a test waits for one action or change of a page, on a busy machine too."""

expect.set_options(timeout=PATIENCE)


class Visitor:
    """A browser context with one or more tabs. `requests` has the requests of all its pages; `complaints` has their
    uncaught errors, and the errors and warnings that they log, except of failed requests."""

    def __init__(self, context: BrowserContext, tab: Page) -> None:
        self.context = context
        self.tab = tab
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        self.uploads: dict[str, str] = {}
        """The URLs of uploads for which a response had a `Link` header, each by the URL in that header (the reading
        link)."""
        context.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108 (Playwright marks what it calls)
        context.on("response", lambda response: self._learn(response))  # noqa: PLW0108
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda message: self._note(message.type, message.text))

    def _note(self, kind: str, text: str) -> None:
        """Keep an error or a warning on the console as a complaint, unless it is about a failed request."""
        if kind in {"error", "warning"} and "Failed to load resource" not in text:
            self.complaints.append(text)

    def _learn(self, response: Response) -> None:
        if "link" in response.headers:
            link = response.headers["link"].removeprefix("<").partition(">")[0]
            self.uploads[link] = response.headers.get("location", response.url)

    async def open(self, origin: str) -> None:
        await self.tab.goto(f"{origin}/")

    async def choose(self, *files: Path, tab: Page | None = None) -> None:
        await (tab or self.tab).get_by_label("Choose files").set_input_files(files)

    def row(self, name: str, tab: Page | None = None) -> Locator:
        return (tab or self.tab).get_by_role("listitem").filter(has_text=name)

    async def press(self, label: str, name: str) -> None:
        await self.row(name).get_by_role("button", name=label).click()

    async def sees(self, text: str, name: str, tab: Page | None = None) -> None:
        await expect(self.row(name, tab)).to_contain_text(text)

    async def finished(self, name: str, tab: Page | None = None) -> str:
        """Return the upload's URL, once the file's row in the page has a link."""
        return self.uploads[await self.link(name, tab)]

    async def link(self, name: str, tab: Page | None = None) -> str:
        """Return the URL of the link in the file's row, once the link is visible."""
        link = self.row(name, tab).get_by_role("link", name=name)
        await expect(link).to_be_visible()
        url = await link.get_attribute("href")
        assert url is not None
        return url

    def requested_urls(self, method: str) -> list[str]:
        """The URLs of the requests by that method so far."""
        return [request.url for request in self.requests if request.method == method]

    def hosts(self) -> set[str]:
        """The host and port of every request so far."""
        return {urlsplit(request.url).netloc for request in self.requests}


@asynccontextmanager
async def visiting_in_peace(browser: Browser) -> AsyncIterator[Visitor]:
    """Yield a visitor, and check at the end that the page had no uncaught error and logged no error or warning, except
    of failed requests."""
    async with visiting(browser) as visitor:
        yield visitor
    assert visitor.complaints == []


@asynccontextmanager
async def visiting(browser: Browser, **options: Any) -> AsyncIterator[Visitor]:
    """A visitor without any stored state; `options` are those of a Playwright context."""
    context = await browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    try:
        yield Visitor(context, await context.new_page())
    finally:
        await context.close()
