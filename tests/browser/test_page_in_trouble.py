"""The page at `/` when the network or the server fails, or the visitor interrupts, during an upload."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from tests.browser.conftest import Deploy
from tests.browser.memory import remembers
from tests.browser.visitor import Visitor
from tests.e2e.deployment import Deployment
from tests.support.valve import MIB, Valve
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="session")

NO_ROOM = "navigator.storage.estimate = async () => ({ quota: 1, usage: 1 })"


async def begin(visitor: Visitor, valve: Valve, film: Path) -> None:
    """Open the page through `valve`, a TCP relay, and start to upload `film`. Return once the relay holds back the rest
    of the file; it does so until it is opened, or cuts the connection."""
    await visitor.open(valve.origin)
    valve.close()
    await visitor.choose(film)
    await valve.full()


async def arrived(deployment: Deployment, visitor: Visitor, data: bytes) -> None:
    """Wait until film.mp4 is finished; check that its object is `data`, and that the upload was resumed (HEAD) and
    created only once (POST)."""
    assert deployment.content(await visitor.finished("film.mp4")) == data
    assert len(visitor.requested_urls("POST")) == 1
    assert visitor.requested_urls("HEAD")


async def test_an_upload_resumes_unasked_after_a_reload(
    deployment: Deployment, valve: Valve, visitor: Visitor, film: Path, data: bytes
) -> None:
    await begin(visitor, valve, film)
    await visitor.tab.reload()
    valve.open()
    await arrived(deployment, visitor, data)


async def test_an_upload_goes_on_after_its_tab_was_closed(
    deployment: Deployment, valve: Valve, visitor: Visitor, film: Path, data: bytes
) -> None:
    await begin(visitor, valve, film)
    await visitor.tab.close()
    visitor.tab = await visitor.context.new_page()
    valve.open()
    await visitor.open(valve.origin)
    await arrived(deployment, visitor, data)


async def test_an_upload_that_was_paused_is_still_after_a_reload(
    deployment: Deployment, valve: Valve, visitor: Visitor, film: Path, data: bytes
) -> None:
    await begin(visitor, valve, film)
    await visitor.press("Pause", "film.mp4")
    await visitor.sees("Paused at", "film.mp4")
    await remembers(visitor.tab, "film.mp4", "paused")
    await visitor.tab.reload()
    await visitor.sees("Paused at 4", "film.mp4")
    valve.open()
    await visitor.press("Resume", "film.mp4")
    await arrived(deployment, visitor, data)


async def test_a_file_without_storage_is_asked_for_again(
    deployment: Deployment, valve: Valve, visitor: Visitor, film: Path, data: bytes
) -> None:
    """After a reload, the page asks the visitor to choose a file again that the browser had no space to store; it then
    resumes the upload."""
    await visitor.context.add_init_script(NO_ROOM)
    await begin(visitor, valve, film)
    await visitor.tab.reload()
    await visitor.sees("Choose the file again to go on.", "film.mp4")
    valve.open()
    visitor.tab.on("filechooser", lambda chooser: chooser.set_files(film))
    await visitor.press("Choose again", "film.mp4")
    await arrived(deployment, visitor, data)


async def test_an_interrupted_upload_can_be_given_up(deploy: Deploy, visitor: Visitor, film: Path) -> None:
    async with deploy() as deployment, Valve(deployment.server.port) as valve:
        await visitor.context.add_init_script(NO_ROOM)
        await begin(visitor, valve, film)
        await visitor.tab.reload()
        async with visitor.tab.expect_response(lambda response: response.request.method == "DELETE") as deletion:
            await visitor.press("Cancel", "film.mp4")
        assert (await deletion.value).status == 204
        assert deployment.residue() == []


async def test_an_upload_goes_on_after_its_connection_was_cut(
    deployment: Deployment, valve: Valve, visitor: Visitor, film: Path, data: bytes
) -> None:
    await begin(visitor, valve, film)
    valve.cut()
    valve.open()
    await arrived(deployment, visitor, data)


async def test_an_upload_goes_on_after_the_server_died(
    deploy: Deploy, visitor: Visitor, film: Path, data: bytes
) -> None:
    async with deploy() as deployment, Valve(deployment.server.port) as valve:
        await begin(visitor, valve, film)
        await deployment.server.kill()
        await visitor.sees("Trying again", "film.mp4")
        valve.open()
        await deployment.server.start()
        await arrived(deployment, visitor, data)


async def test_200_mib_arrive_in_spite_of_a_reload_and_a_restart(
    deploy: Deploy, visitor: Visitor, tmp_path: Path
) -> None:
    data = random_bytes(200 * MIB)
    (tmp_path / "film.mp4").write_bytes(data)
    async with deploy() as deployment, Valve(deployment.server.port) as valve:
        await begin(visitor, valve, tmp_path / "film.mp4")
        valve.close(at=70 * MIB)
        await visitor.tab.reload()
        await valve.full()
        await deployment.server.kill()
        valve.open()
        await deployment.server.start()
        await arrived(deployment, visitor, data)


async def test_an_upload_waits_while_there_is_no_network(
    deployment: Deployment, valve: Valve, visitor: Visitor, film: Path, data: bytes
) -> None:
    await begin(visitor, valve, film)
    await visitor.context.set_offline(True)
    valve.cut()
    await visitor.sees("Offline", "film.mp4")
    valve.open()
    await visitor.context.set_offline(False)
    await arrived(deployment, visitor, data)


async def test_an_upload_keeps_its_bytes_while_a_proxy_finds_no_server(
    deployment: Deployment, valve: Valve, visitor: Visitor, film: Path, data: bytes
) -> None:
    """An upload resumes though a proxy answers HEAD with 502, upon which tus-js-client, without the page's own check,
    would start a new upload."""

    async def bad_gateway(route: Route) -> None:
        await (route.fulfill(status=502) if route.request.method == "HEAD" else route.fallback())

    await begin(visitor, valve, film)
    await visitor.tab.route("**/files/*", bad_gateway, times=2)
    valve.cut()
    valve.open()
    await arrived(deployment, visitor, data)


async def test_a_second_tab_waits_for_the_first(
    deployment: Deployment, valve: Valve, visitor: Visitor, film: Path, data: bytes
) -> None:
    await begin(visitor, valve, film)
    second = await visitor.context.new_page()
    await second.goto(f"{valve.origin}/")
    await expect(visitor.row("film.mp4", second)).to_have_count(0)
    await visitor.choose(film, tab=second)
    await visitor.sees("Another tab is sending this file.", "film.mp4", second)
    valve.open()
    await arrived(deployment, visitor, data)
    assert await visitor.finished("film.mp4", second) == await visitor.finished("film.mp4")
    assert len(visitor.requested_urls("POST")) == 1


async def test_a_second_tab_takes_over_when_the_first_is_closed(
    deployment: Deployment, valve: Valve, visitor: Visitor, film: Path, data: bytes
) -> None:
    await begin(visitor, valve, film)
    second = await visitor.context.new_page()
    await second.goto(f"{valve.origin}/")
    await visitor.choose(film, tab=second)
    await visitor.sees("Another tab is sending this file.", "film.mp4", second)
    valve.open()
    await visitor.tab.close()
    visitor.tab = second
    await arrived(deployment, visitor, data)


async def test_what_the_server_refuses_says_why_and_can_be_tried_again(
    deployment: Deployment, visitor: Visitor, film: Path, data: bytes
) -> None:
    async def refuse(route: Route) -> None:
        await route.fulfill(status=403, content_type="text/plain", body="forbidden: your team has no room left\n")

    await visitor.open(deployment.server.origin)
    await visitor.tab.route("**/files/", refuse, times=1)
    await visitor.choose(film)
    await visitor.sees("Your team has no room left.", "film.mp4")
    await visitor.press("Try again", "film.mp4")
    assert deployment.content(await visitor.finished("film.mp4")) == data


async def test_errors_can_be_cleared(deployment: Deployment, visitor: Visitor, film: Path) -> None:
    await visitor.open(deployment.server.origin)
    await visitor.tab.route("**/files/", lambda route: route.fulfill(status=403, body="no"))
    await visitor.choose(film)
    await visitor.sees("The server answered 403 Forbidden.", "film.mp4")
    await visitor.tab.get_by_role("button", name="Clear errors").click()
    await expect(visitor.row("film.mp4")).to_have_count(0)
