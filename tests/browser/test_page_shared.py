"""The page at `/` in a browser that others use, too: what it keeps there of uploads, and when it forgets that."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Dialog, Locator, Page, expect

from tests.browser.conftest import Deploy
from tests.browser.memory import NOTHING, keeps
from tests.browser.visitor import PATIENCE, Visitor
from tests.e2e.deployment import Deployment
from tests.support.tus import until
from tests.support.valve import Valve

pytestmark = pytest.mark.asyncio(loop_scope="session")

HELD = """
  const { put } = IDBObjectStore.prototype
  IDBObjectStore.prototype.put = function (value, key) {
    if (value instanceof Blob) window.stored = true
    return put.call(this, value, key)
  }
  const room = new Promise((resolve) => (window.release = resolve))
  navigator.storage.estimate = () => room
"""
"""A script that keeps `navigator.storage.estimate()` waiting until `release(ANSWER)` is called, and sets
`window.stored` to true once the page begins to store a file."""
LATER = "{{ const now = Date.now.bind(Date); Date.now = () => now() + {days} * 24 * 3600 * 1000 }}"


def forget(tab: Page) -> Locator:
    return tab.get_by_role("button", name="Forget everything")


def shared(tab: Page) -> Locator:
    return tab.get_by_role("checkbox", name="This is a shared computer: keep nothing")


def agree_to_all(tab: Page) -> list[str]:
    """Accept every dialog of the tab from now on; return the list to which each dialog's message is added."""
    messages = list[str]()

    async def agree(dialog: Dialog) -> None:
        messages.append(dialog.message)
        await dialog.accept()

    tab.on("dialog", agree)
    return messages


async def begin(visitor: Visitor, valve: Valve, film: Path) -> None:
    """Start to upload `film` in the open page. Return once `valve`, the TCP relay through which the page was opened,
    holds back the rest of the file; it does so until it is opened, or cuts the connection."""
    valve.close()
    await visitor.choose(film)
    await valve.full()


async def test_what_is_kept_is_said(deployment: Deployment, visitor: Visitor) -> None:
    await visitor.open(deployment.server.origin)
    region = visitor.tab.get_by_role("region", name="What this browser keeps")
    await expect(region).to_contain_text("The names and links of your uploads, and copies of files")
    await shared(visitor.tab).check()
    await expect(region).to_contain_text("Nothing but this choice.")
    await expect(visitor.tab.get_by_text("after a lost connection.")).to_be_visible()


async def test_all_is_forgotten_at_once(deploy: Deploy, visitor: Visitor, film: Path, tmp_path: Path) -> None:
    """Forgetting all removes an unfinished upload from the browser and the server, and a finished one from the browser
    alone."""
    (tmp_path / "note.txt").write_text("note")
    messages = agree_to_all(visitor.tab)
    async with deploy() as deployment, Valve(deployment.server.port) as valve:
        await visitor.open(valve.origin)
        await visitor.choose(tmp_path / "note.txt")
        note = await visitor.finished("note.txt")
        await begin(visitor, valve, film)
        await keeps(visitor.tab, {"choices": 0, "records": 2, "files": 1})
        async with visitor.tab.expect_response(lambda response: response.request.method == "DELETE") as deletion:
            await forget(visitor.tab).click()
        assert (await deletion.value).status == 204
        await expect(visitor.tab.get_by_role("listitem")).to_have_count(0)
        await expect(visitor.tab.get_by_role("status")).to_have_text("Everything is forgotten.")
        await expect(forget(visitor.tab)).to_be_focused()
        await keeps(visitor.tab, NOTHING)
        (question,) = messages
        assert question.endswith("It is cancelled, and what was sent is removed from the server.")
        assert deployment.content(note) == b"note"
        assert len(deployment.residue()) == 1
        valve.open()
        await visitor.tab.reload()
        await expect(forget(visitor.tab)).to_be_visible()
        await expect(visitor.tab.get_by_role("listitem")).to_have_count(0)


async def test_a_copy_that_comes_late_is_forgotten_too(valve: Valve, visitor: Visitor, film: Path) -> None:
    visitor.tab.on("dialog", lambda dialog: dialog.accept())
    await visitor.context.add_init_script(HELD)
    await visitor.open(valve.origin)
    await begin(visitor, valve, film)
    await keeps(visitor.tab, {**NOTHING, "records": 1})
    await forget(visitor.tab).click()
    await keeps(visitor.tab, NOTHING)
    await visitor.tab.evaluate("release({ quota: 1e12, usage: 0 })")

    async def stored() -> bool:
        return bool(await visitor.tab.evaluate("window.stored"))

    await until(stored, PATIENCE / 1000)
    await keeps(visitor.tab, NOTHING)
    valve.open()


async def test_nothing_is_forgotten_against_ones_will(
    deployment: Deployment, valve: Valve, visitor: Visitor, film: Path, data: bytes
) -> None:
    visitor.tab.on("dialog", lambda dialog: dialog.dismiss())
    await visitor.open(valve.origin)
    await begin(visitor, valve, film)
    await forget(visitor.tab).click()
    valve.open()
    assert deployment.content(await visitor.finished("film.mp4")) == data


async def test_all_tabs_forget(deployment: Deployment, visitor: Visitor, film: Path) -> None:
    await visitor.open(deployment.server.origin)
    await visitor.choose(film)
    await visitor.finished("film.mp4")
    second = await visitor.context.new_page()
    await second.goto(f"{deployment.server.origin}/")
    await visitor.finished("film.mp4", second)
    await forget(visitor.tab).click()
    await expect(visitor.row("film.mp4", second)).to_have_count(0)
    await keeps(second, NOTHING)


async def test_on_a_shared_computer_nothing_is_kept_from_the_start(
    deployment: Deployment, valve: Valve, visitor: Visitor, film: Path, data: bytes
) -> None:
    await visitor.open(valve.origin)
    await shared(visitor.tab).check()
    await begin(visitor, valve, film)
    await keeps(visitor.tab, {**NOTHING, "choices": 1})
    valve.open()
    assert deployment.content(await visitor.finished("film.mp4")) == data
    await keeps(visitor.tab, {**NOTHING, "choices": 1})
    await visitor.tab.reload()
    await expect(shared(visitor.tab)).to_be_checked()
    await expect(visitor.tab.get_by_role("listitem")).to_have_count(0)


async def test_a_shared_computer_forgets_and_uploads_go_on(
    deployment: Deployment, valve: Valve, visitor: Visitor, film: Path, data: bytes
) -> None:
    """Marking the computer as shared removes what the browser stored of an upload, and the upload goes on after a
    cut."""
    await visitor.open(valve.origin)
    second = await visitor.context.new_page()
    await second.goto(f"{valve.origin}/")
    await begin(visitor, valve, film)
    await keeps(visitor.tab, {"choices": 0, "records": 1, "files": 1})
    await shared(second).check()
    await expect(shared(visitor.tab)).to_be_checked()
    await keeps(visitor.tab, {**NOTHING, "choices": 1})
    valve.cut()
    valve.open()
    assert deployment.content(await visitor.finished("film.mp4")) == data
    assert len(visitor.requested_urls("POST")) == 1
    await keeps(visitor.tab, {**NOTHING, "choices": 1})
    await shared(visitor.tab).uncheck()
    await keeps(visitor.tab, NOTHING)
    await visitor.choose(film)
    await keeps(visitor.tab, {"choices": 0, "records": 1, "files": 0})


async def test_what_is_finished_is_forgotten_after_a_week(
    valve: Valve, visitor: Visitor, film: Path, tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_text("note")
    await visitor.open(valve.origin)
    await visitor.choose(tmp_path / "note.txt")
    await visitor.finished("note.txt")
    await begin(visitor, valve, film)
    await visitor.press("Pause", "film.mp4")
    await keeps(visitor.tab, {"choices": 0, "records": 2, "files": 1})
    await visitor.context.add_init_script(LATER.format(days=6))
    await visitor.tab.reload()
    await visitor.finished("note.txt")
    await visitor.context.add_init_script(LATER.format(days=2))
    await visitor.tab.reload()
    await visitor.sees("Paused at", "film.mp4")
    await expect(visitor.row("note.txt")).to_have_count(0)
    await keeps(visitor.tab, {"choices": 0, "records": 1, "files": 1})
    await visitor.context.add_init_script(LATER.format(days=31))
    await visitor.tab.reload()
    await keeps(visitor.tab, NOTHING)
    await expect(visitor.tab.get_by_role("listitem")).to_have_count(0)
    valve.open()
