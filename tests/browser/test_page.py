"""The page at `/`, as a visitor in Chromium meets it, when nothing goes wrong."""

from __future__ import annotations

import base64
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Deploy
from tests.browser.memory import NOTHING, keeps
from tests.browser.visitor import Visitor, visiting
from tests.e2e.deployment import Deployment
from tests.support.valve import MIB, Valve

pytestmark = pytest.mark.asyncio(loop_scope="session")

DROP = """files => {
  const transfer = new DataTransfer()
  for (const { name, content } of files)
    transfer.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name))
  for (const kind of ['dragover', 'drop'])
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }))
}"""
FORGETFUL = """
  const { put } = IDBObjectStore.prototype
  IDBObjectStore.prototype.put = function (value, key) {
    return put.call(this, value.state === 'done' ? { ...value, state: 'waiting' } : value, key)
  }
"""
"""A script that stores a finished upload as waiting, so that the browser never remembers its end."""


async def test_files_that_are_chosen_are_uploaded(
    deployment: Deployment, visitor: Visitor, film: Path, data: bytes, tmp_path: Path
) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    await visitor.open(deployment.server.origin)
    await visitor.choose(film, tmp_path / "empty.txt")
    assert deployment.content(await visitor.finished("film.mp4")) == data
    assert deployment.content(await visitor.finished("empty.txt")) == b""
    await expect(visitor.tab.get_by_role("heading", name="2 of 2 uploaded")).to_be_visible()


async def test_files_that_are_dropped_are_uploaded(deployment: Deployment, visitor: Visitor) -> None:
    contents = {"one.txt": b"one", "Grüße 🎉.txt": b"two" * 1000}
    files = [{"name": name, "content": base64.b64encode(content).decode()} for name, content in contents.items()]
    await visitor.open(deployment.server.origin)
    await visitor.tab.evaluate(DROP, files)
    for name, content in contents.items():
        assert deployment.content(await visitor.finished(name)) == content


async def test_a_link_can_be_copied_and_leads_to_the_file(
    deployment: Deployment, visitor: Visitor, film: Path, data: bytes
) -> None:
    await visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await visitor.open(deployment.server.origin)
    await visitor.choose(film)
    await visitor.press("Copy link", "film.mp4")
    await visitor.sees("Copied", "film.mp4")
    copied = await visitor.tab.evaluate("navigator.clipboard.readText()")
    async with aiohttp.ClientSession() as session, session.get(copied) as answer:
        assert await answer.read() == data
        assert 'filename="film.mp4"' in answer.headers["Content-Disposition"]
    async with aiohttp.ClientSession() as session, session.delete(copied) as refused:
        assert refused.status == 405
    assert copied == await visitor.link("film.mp4") != await visitor.finished("film.mp4")


async def test_an_upload_pauses_and_goes_on(
    deployment: Deployment, valve: Valve, visitor: Visitor, film: Path, data: bytes
) -> None:
    await visitor.open(valve.origin)
    valve.close()
    await visitor.choose(film)
    await valve.full()
    await visitor.press("Pause", "film.mp4")
    await visitor.sees("Paused at", "film.mp4")
    valve.open()
    await visitor.press("Resume", "film.mp4")
    assert deployment.content(await visitor.finished("film.mp4")) == data
    assert len(visitor.requested_urls("POST")) == 1


async def test_an_upload_that_is_cancelled_leaves_nothing(deploy: Deploy, visitor: Visitor, film: Path) -> None:
    async with deploy() as deployment, Valve(deployment.server.port) as valve:
        await visitor.open(valve.origin)
        valve.close()
        await visitor.choose(film)
        await valve.full()
        async with visitor.tab.expect_response(lambda response: response.request.method == "DELETE") as deletion:
            await visitor.press("Cancel", "film.mp4")
        assert (await deletion.value).status == 204
        assert deployment.residue() == []
        await _is_gone_for_good(visitor)


async def _is_gone_for_good(visitor: Visitor) -> None:
    await keeps(visitor.tab, NOTHING)
    await visitor.tab.reload()
    await expect(visitor.tab.get_by_label("Choose files")).to_be_attached()
    await expect(visitor.row("film.mp4")).to_have_count(0)


async def test_the_same_file_again_is_another_upload(
    deployment: Deployment, visitor: Visitor, film: Path, data: bytes
) -> None:
    await visitor.open(deployment.server.origin)
    await visitor.choose(film)
    first, link = await visitor.finished("film.mp4"), await visitor.link("film.mp4")
    await visitor.choose(film)
    await expect(visitor.row("film.mp4").get_by_role("link")).not_to_have_attribute("href", link)
    second = await visitor.finished("film.mp4")
    assert second != first
    assert deployment.content(first) == deployment.content(second) == data


async def test_finished_files_stay_listed_after_a_reload(deployment: Deployment, visitor: Visitor, film: Path) -> None:
    """The page lists finished uploads after a reload, until the user clears them."""
    await visitor.open(deployment.server.origin)
    await visitor.choose(film)
    url = await visitor.finished("film.mp4")
    await visitor.tab.reload()
    assert await visitor.finished("film.mp4") == url
    await visitor.tab.get_by_role("button", name="Clear finished").click()
    await expect(visitor.row("film.mp4")).to_have_count(0)
    await _is_gone_for_good(visitor)


async def test_an_early_closed_page_finds_the_end(deployment: Deployment, visitor: Visitor, film: Path) -> None:
    """A page that was closed before it stored an upload's end learns from the server that the upload is finished."""
    await visitor.context.add_init_script(FORGETFUL)
    await visitor.open(deployment.server.origin)
    await visitor.choose(film)
    url = await visitor.finished("film.mp4")
    await visitor.tab.reload()
    assert await visitor.finished("film.mp4") == url


async def test_the_list_keeps_its_order(deployment: Deployment, visitor: Visitor, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("b.txt", "c.txt", "a.txt")]
    for file in files:
        file.write_text(file.name)
    await visitor.open(deployment.server.origin)
    await visitor.choose(*files)
    names = visitor.tab.get_by_role("listitem").get_by_role("link")
    for _ in range(2):
        await expect(names).to_have_count(3)
        hrefs = [await link.get_attribute("href") for link in await names.all()]
        assert [deployment.content(visitor.uploads[str(href)]).decode() for href in hrefs] == [
            "b.txt",
            "c.txt",
            "a.txt",
        ]
        await visitor.tab.reload()


async def test_a_file_that_is_too_large_is_refused_before_it_is_sent(
    deploy: Deploy, visitor: Visitor, film: Path
) -> None:
    async with deploy(max_size="10MB") as deployment:
        await visitor.open(deployment.server.origin)
        await visitor.choose(film)
        alert = visitor.tab.get_by_role("alert")
        await expect(alert).to_contain_text("film.mp4 is larger than the 10 MB that this server takes.")
        await alert.get_by_role("button", name="Dismiss").click()
        await expect(alert).to_be_empty()
        assert visitor.requested_urls("POST") == []


async def test_an_unaccepted_file_is_refused_with_a_reason(deploy: Deploy, visitor: Visitor, tmp_path: Path) -> None:
    """The page offers only the extensions that the server accepts, and shows why the server refuses a file with another
    one."""
    (tmp_path / "setup.exe").write_bytes(b"MZ")
    async with deploy(allowed_extensions="jpg,png") as deployment:
        await visitor.open(deployment.server.origin)
        await expect(visitor.tab.get_by_label("Choose files")).to_have_attribute("accept", ".jpg,.png")
        await visitor.choose(tmp_path / "setup.exe")
        await visitor.sees("Give a file name that ends with: jpg, png.", "setup.exe")


async def test_without_downloads_there_are_no_links(deploy: Deploy, visitor: Visitor, film: Path) -> None:
    async with deploy(disable_download=True) as deployment:
        await visitor.open(deployment.server.origin)
        await visitor.choose(film)
        await expect(visitor.tab.get_by_role("heading", name="1 of 1 uploaded")).to_be_visible()
        await expect(visitor.row("film.mp4").get_by_role("link")).to_have_count(0)
        await expect(visitor.row("film.mp4").get_by_role("button", name="Copy link")).to_have_count(0)


async def test_all_can_be_done_with_the_keyboard(
    deployment: Deployment, valve: Valve, visitor: Visitor, film: Path, data: bytes
) -> None:
    keyboard = visitor.tab.keyboard
    visitor.tab.on("filechooser", lambda chooser: chooser.set_files(film))
    await visitor.open(valve.origin)
    valve.close()
    await keyboard.press("Tab")
    await expect(visitor.tab.get_by_label("Choose files")).to_be_focused()
    await keyboard.press("Enter")
    await valve.full()
    await keyboard.press("Tab")
    await expect(visitor.tab.get_by_role("button", name="Pause: film.mp4")).to_be_focused()
    await keyboard.press("Space")
    await expect(visitor.tab.get_by_role("button", name="Resume: film.mp4")).to_be_focused()
    valve.open()
    await keyboard.press("Enter")
    assert deployment.content(await visitor.finished("film.mp4")) == data
    await expect(visitor.tab.get_by_role("button", name="Copy link: film.mp4")).to_be_focused()
    await keyboard.press("Tab")
    await expect(visitor.tab.get_by_role("button", name="Remove from list: film.mp4")).to_be_focused()
    await keyboard.press("Enter")
    await expect(visitor.tab.get_by_label("Choose files")).to_be_focused()


async def test_a_screen_reader_is_told_what_happens(valve: Valve, visitor: Visitor, film: Path) -> None:
    status = visitor.tab.get_by_role("status")
    await visitor.open(valve.origin)
    valve.close()
    await visitor.choose(film)
    await valve.full()
    bar = visitor.tab.get_by_role("progressbar", name="Progress of film.mp4")
    await expect(bar).to_have_attribute("max", str(20 * MIB + 17))
    await visitor.press("Pause", "film.mp4")
    await expect(status).to_have_text("Paused: film.mp4")
    valve.open()
    await visitor.press("Resume", "film.mp4")
    await expect(status).to_have_text("Uploaded: film.mp4")


async def test_it_fits_a_phone(deployment: Deployment, browser: Browser, tmp_path: Path) -> None:
    name = f"{'holiday-' * 30}.mov"
    (tmp_path / name).write_bytes(b"sea")
    phone = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
    async with visiting(browser, **phone) as visitor:
        await visitor.open(deployment.server.origin)
        await visitor.choose(tmp_path / name)
        await visitor.finished(name)
        assert await visitor.tab.evaluate("document.documentElement.scrollWidth") == 360
        for button in await visitor.row(name).get_by_role("button").all():
            box = await button.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44
            assert box["x"] + box["width"] <= 360


async def test_no_other_origin_gets_a_request(deployment: Deployment, visitor: Visitor, film: Path) -> None:
    await visitor.open(deployment.server.origin)
    await visitor.choose(film)
    await visitor.finished("film.mp4")
    assert visitor.hosts() == {f"127.0.0.1:{deployment.server.port}"}
    async with visitor.tab.expect_console_message(lambda message: "Content Security Policy" in message.text):
        await visitor.tab.evaluate("fetch('https://example.org/').catch(() => {})")
    visitor.complaints.clear()
