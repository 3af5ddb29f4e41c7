"""Browsers upload from the page at `/` without a script."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.plain.conftest import Open
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_files_are_uploaded_without_a_script(start: Open, browser: Browser, tmp_path: Path) -> None:
    names = {"one.bin": random_bytes(100_000), 'two "ü" %22.txt': b"two"}
    for name, content in names.items():
        (tmp_path / name).write_bytes(content)
    async with start(ui=True, cors_allow_origin="https://www.example") as place:
        context = await browser.new_context(java_script_enabled=False)
        tab = await context.new_page()
        await tab.goto(f"{place.server.origin}/")
        await tab.get_by_label("Files").set_input_files([tmp_path / name for name in names])
        await tab.get_by_role("button", name="Upload").click()
        await expect(tab.get_by_role("heading", name="Uploaded")).to_be_visible(timeout=60_000)
        for name, content in names.items():
            link = tab.get_by_role("link", name=name.replace("%22", '"'))
            url = await link.get_attribute("href")
            assert url is not None
            assert await (await context.request.get(url)).body() == content
        await context.close()
