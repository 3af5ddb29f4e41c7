"""The page where its server isn't at the root of the host that the browser knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.browser.conftest import Deploy
from tests.browser.visitor import Visitor
from tests.e2e.deployment import Deployment
from tests.support.valve import Valve

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOP = {"Transfer-Encoding", "Content-Length", "Content-Encoding", "Connection", "Date", "Server"}


@asynccontextmanager
async def proxied(target: str, prefix: str) -> AsyncIterator[str]:
    """Run a proxy while the context lasts, and yield its origin. It passes requests below `prefix` on to the origin
    `target`, without the prefix, and tells host, scheme and prefix in X-Forwarded header fields."""

    async def pass_on(request: web.Request) -> web.Response:
        forwarded = {"X-Forwarded-Host": request.host, "X-Forwarded-Proto": "http", "X-Forwarded-Prefix": prefix}
        path = request.raw_path.removeprefix(prefix)
        headers = {name: value for name, value in request.headers.items() if name not in HOP}
        body = request.content if request.body_exists else None
        async with client.request(request.method, target + path, headers={**headers, **forwarded}, data=body) as answer:
            end_to_end = {name: value for name, value in answer.headers.items() if name not in HOP}
            return web.Response(status=answer.status, headers=end_to_end, body=await answer.read())

    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", f"{prefix}/{{path:.*}}", pass_on)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    async with aiohttp.ClientSession() as client:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def test_the_page_works_below_a_proxys_path(deploy: Deploy, visitor: Visitor, film: Path, data: bytes) -> None:
    async with (
        deploy(behind_proxy=True, base_path="/a/b/") as deployment,
        proxied(deployment.server.origin, "/team/x") as origin,
    ):
        await visitor.open(f"{origin}/team/x")
        await visitor.choose(film)
        url = await visitor.finished("film.mp4")
        assert url.startswith(f"{origin}/team/x/a/b/")
        assert deployment.content(url) == data
        assert visitor.hosts() == {origin.removeprefix("http://")}


async def test_the_page_sends_to_the_public_url(deploy: Deploy, visitor: Visitor, film: Path, data: bytes) -> None:
    """A page that was opened at another address than the public URL sends its uploads to the public URL."""
    async with Valve(0) as public, deploy(public_url=public.origin) as deployment:
        public.target = deployment.server.port
        await visitor.open(deployment.server.origin)
        await visitor.choose(film)
        url = await visitor.finished("film.mp4")
        assert url.startswith(f"{public.origin}/files/")
        assert deployment.content(url) == data


async def test_a_server_that_takes_itself_for_another_is_said_so(
    deployment: Deployment, visitor: Visitor, film: Path
) -> None:
    """The page shows an error and sends no bytes if the Location of a creation names another origin than the endpoint
    that the page sent the creation to, as behind a TLS proxy that the server isn't told of."""
    await visitor.open(deployment.server.origin)
    misled = {"Location": "http://inner:8080/files/0", "Tus-Resumable": "1.0.0"}
    await visitor.tab.route("**/files/", lambda route: route.fulfill(status=201, headers=misled))
    await visitor.choose(film)
    await visitor.sees("The server takes uploads at http://inner:8080, where this page", "film.mp4")
    assert visitor.requested_urls("PATCH") == []
