"""The list "Also on the server" of the page at `/`, which tells of uploads that the tab doesn't list as its own and of
their jobs, and the requests that the page sends for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, expect

from devtools.clamd import MALICE, FakeClamd, fake_clamd
from tests.browser.visitor import PATIENCE, Visitor, visiting, visiting_in_peace
from tests.e2e.deployment import Deployment
from tests.support.server import Server, serving
from tests.support.tus import TusClient, until
from tests.support.valve import MIB, Valve

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILM = {"upload_metadata": "filename ZmlsbS5tcDQ="}
HIDDEN = """hidden => {
  Object.defineProperty(document, 'visibilityState', { configurable: true, value: hidden ? 'hidden' : 'visible' })
  document.dispatchEvent(new Event('visibilitychange'))
}"""
"""A JavaScript function that tells the page that its tab was hidden, if its argument is true, or is shown again, if
false."""
MINUTE = 60_000


def settings(directory: Path, **extras: Any) -> dict[str, Any]:
    usual = {"storage": f"file:{directory}/data", "state": f"sqlite:{directory}/state.db", "ui": True}
    return {**usual, "live": True, "listing": True, "part_size": "5MiB", **extras}


@pytest_asyncio.fixture(loop_scope="session")
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, **settings(tmp_path)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture(loop_scope="session")
async def neighbour(browser: Browser) -> AsyncIterator[Visitor]:
    """A second visitor, in another browser context; the test fails at the end if the visitor's page had an uncaught
    error, or logged an error or a warning, except of failed requests."""
    async with visiting_in_peace(browser) as one:
        yield one


def elsewhere(tab: Page) -> Locator:
    """Return the rows of the page's list "Also on the server": uploads that this tab doesn't list as its own."""
    return tab.get_by_role("region", name="Also on the server").get_by_role("listitem")


def list_requests(visitor: Visitor) -> list[str]:
    """Return the URLs of the visitor's GET requests so far for lists of uploads (`/uploads`), for the feed (`/events`)
    or for an upload's status (`/status`)."""
    return [url for url in visitor.requested_urls("GET") if "/uploads" in url or "/events" in url or "/status" in url]


async def moves(visitor: Visitor, beyond: int) -> None:
    """Wait until the progress bar of film.mp4 in the list "Also on the server" of the visitor's page is past `beyond`
    bytes. Raises TimeoutError after 40 seconds."""
    bar = elsewhere(visitor.tab).get_by_role("progressbar", name="Progress of film.mp4")

    async def moved() -> bool:
        return float(await bar.get_attribute("value") or 0) > beyond

    await until(moved, PATIENCE / 1000)


async def test_another_browser_sees_an_upload_move_and_gets_its_link(
    server: Server, visitor: Visitor, neighbour: Visitor, film: Path, data: bytes, session: aiohttp.ClientSession
) -> None:
    async with Valve(server.port) as valve:
        await neighbour.open(server.origin)
        await visitor.open(valve.origin)
        valve.close()
        await visitor.choose(film)
        await valve.full()
        await moves(neighbour, 0)
        await visitor.press("Pause", "film.mp4")
        await moves(neighbour, 8 * MIB)
        valve.open()
        await visitor.press("Resume", "film.mp4")
        link = await neighbour.link("film.mp4")
        await visitor.link("film.mp4")
    async with session.get(link) as answer:
        assert await answer.read() == data
    async with session.delete(link) as refused:
        assert refused.status == 405
    await neighbour.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await neighbour.press("Copy link", "film.mp4")
    await neighbour.sees("Copied", "film.mp4")
    assert await neighbour.tab.evaluate("navigator.clipboard.readText()") == link
    await expect(elsewhere(visitor.tab)).to_have_count(0)


async def test_another_tab_sees_it_too_and_what_is_cancelled_goes(server: Server, visitor: Visitor, film: Path) -> None:
    async with Valve(server.port) as valve:
        await visitor.open(valve.origin)
        valve.close()
        await visitor.choose(film)
        await valve.full()
        second = await visitor.context.new_page()
        await second.goto(f"{valve.origin}/")
        await expect(elsewhere(second)).to_contain_text(["film.mp4"])
        await visitor.press("Cancel", "film.mp4")
        await expect(elsewhere(second)).to_have_count(0)
        await expect(elsewhere(visitor.tab)).to_have_count(0)
        valve.open()


async def test_what_is_taken_off_the_list_is_still_on_the_server(server: Server, visitor: Visitor, film: Path) -> None:
    await visitor.open(server.origin)
    await visitor.choose(film)
    await visitor.finished("film.mp4")
    await visitor.press("Remove from list", "film.mp4")
    await expect(elsewhere(visitor.tab)).to_contain_text(["film.mp4"])
    await visitor.tab.get_by_role("checkbox", name="This is a shared computer").check()
    await expect(elsewhere(visitor.tab)).to_have_count(0)


async def test_the_list_survives_a_restart(server: Server, visitor: Visitor, session: aiohttp.ClientSession) -> None:
    client = TusClient(session, server.url)
    url = await client.create(100, **FILM)
    await client.patch(url, 0, b"x" * 30)
    await visitor.open(server.origin)
    await visitor.sees("30 % of 100 bytes", "film.mp4")
    await server.kill()
    await server.start()
    await visitor.sees("30 % of 100 bytes", "film.mp4")
    await client.patch(url, 30, b"x" * 30)
    await visitor.sees("60 % of 100 bytes", "film.mp4")
    await client.create(None, upload_metadata="filename bm90ZQ==")
    await visitor.sees("0 bytes so far", "note")


async def test_states_of_jobs_are_told_to_all(tmp_path: Path, visitor: Visitor, neighbour: Visitor, film: Path) -> None:
    commands = tmp_path / "commands"
    commands.mkdir()
    for name, script in {"slow": f"while [ ! -e {tmp_path}/gate ]; do sleep 0.1; done", "fail": "exit 3"}.items():
        (commands / name).write_text(f"#!/bin/sh\n{script}\n")
        (commands / name).chmod(0o755)
    jobs = {"jobs_dir": commands, "jobs_on_finish": "command:fail,command:slow"}
    async with serving(tmp_path, **settings(tmp_path, **jobs)) as server:
        await neighbour.open(server.origin)
        await visitor.open(server.origin)
        await visitor.choose(film)
        for one in (visitor, neighbour):
            await one.sees("Command fail failed: Exit 3.", "film.mp4")
            await one.sees("Command slow: ", "film.mp4")
            await expect(one.row("film.mp4")).not_to_contain_text("Command slow: done")
        (tmp_path / "gate").touch()
        for one in (visitor, neighbour):
            await one.sees("Command slow: done", "film.mp4")


async def test_what_a_scanner_finds_is_said(tmp_path: Path, visitor: Visitor, session: aiohttp.ClientSession) -> None:
    async with fake_clamd() as clamd, serving(tmp_path, **settings(tmp_path, **scanning(clamd))) as server:
        client = TusClient(session, server.url)
        good, bad = [await client.create(len(body), **FILM) for body in (b"good", MALICE)]
        await visitor.open(server.origin)
        await expect(elsewhere(visitor.tab)).to_have_count(2)
        await client.patch(good, 0, b"good")
        await expect(elsewhere(visitor.tab).filter(has_text="No virus found")).to_have_count(1)
        assert (await client.patch(bad, 0, MALICE)).status == 422
        await expect(elsewhere(visitor.tab).filter(has_text="The server removed it: it has a virus.")).to_have_count(1)


def scanning(clamd: FakeClamd) -> dict[str, Any]:
    return {"clamd": clamd.address, "scan_before_finish": True}


async def test_each_user_sees_their_own(tmp_path: Path, browser: Browser) -> None:
    login = {"auth": "proxy", "auth_user_header": "X-User", "behind_proxy": True}
    async with (
        serving(tmp_path, **settings(tmp_path, **login)) as server,
        visiting(browser, extra_http_headers={"X-User": "ada"}) as ada,
        visiting(browser, extra_http_headers={"X-User": "bob"}) as bob,
        aiohttp.ClientSession(headers={"X-User": "ada"}) as session,
    ):
        await TusClient(session, server.url).create(100, **FILM)
        await ada.open(server.origin)
        await ada.sees("0 % of 100 bytes", "film.mp4")
        async with bob.tab.expect_response(lambda response: "/uploads" in response.url) as listed:
            await bob.open(server.origin)
        assert "film.mp4" not in await (await listed.value).text()
        await expect(elsewhere(bob.tab)).to_have_count(0)


async def test_nothing_is_asked_while_the_page_is_hidden(
    server: Server, visitor: Visitor, session: aiohttp.ClientSession
) -> None:
    client = TusClient(session, server.url)
    await visitor.tab.clock.install()
    await visitor.open(server.origin)
    url = await client.create(100, **FILM)
    await visitor.sees("0 % of 100 bytes", "film.mp4")
    async with visitor.tab.expect_event("requestfailed", lambda request: "/events?since=" in request.url):
        await visitor.tab.evaluate(HIDDEN, True)
    before = len(list_requests(visitor))
    await client.patch(url, 0, b"x" * 30)
    await visitor.tab.clock.run_for(MINUTE)
    assert len(list_requests(visitor)) == before
    await visitor.tab.evaluate(HIDDEN, False)
    await visitor.sees("30 % of 100 bytes", "film.mp4")


async def test_without_the_routes_nothing_is_asked(deployment: Deployment, visitor: Visitor, film: Path) -> None:
    await visitor.tab.clock.install()
    await visitor.open(deployment.server.origin)
    await visitor.choose(film)
    await visitor.finished("film.mp4")
    await visitor.tab.clock.run_for(MINUTE)
    assert list_requests(visitor) == []
    await expect(visitor.tab.get_by_role("region", name="Also on the server")).to_have_count(0)


def refusal(status: int) -> Callable[[Route], Awaitable[None]]:
    """Return a route handler that answers each request with `status`."""
    return lambda route: route.fulfill(status=status, body="no")


async def test_a_refusal_is_not_asked_for_again(server: Server, visitor: Visitor, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("note")
    await visitor.tab.clock.install()
    for status in (401, 403, 404):
        await visitor.tab.route("**/events?*", refusal(status))
        before = len(list_requests(visitor))
        await visitor.open(server.origin)
        await visitor.choose(tmp_path / "note.txt")
        await visitor.finished("note.txt")
        await visitor.tab.clock.run_for(MINUTE)
        assert len(list_requests(visitor)) == before + 1
        await expect(visitor.tab.get_by_role("region", name="Also on the server")).to_have_count(0)
