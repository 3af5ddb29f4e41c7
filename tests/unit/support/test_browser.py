from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page

from devtools.pages import bundle, site

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_bundled_page_runs_in_the_browser(tab: Page, tmp_path: Path) -> None:
    (tmp_path / "hello.js").write_text("import * as tus from 'tus-js-client'\ndocument.title = String(tus.isSupported)")
    (tmp_path / "hello.html").write_text('<!doctype html><script type="module" src="hello.js"></script>')
    bundle(tmp_path / "hello.js", tmp_path / "site")
    async with site(tmp_path / "site") as origin:
        await tab.goto(f"{origin}/hello.html")
        assert await tab.title() == "true"
