"""The server as the tests start it."""

from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.support.server import Server, ServerError, serving


async def test_server_restarts_on_its_port_and_stops(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, aiohttp.ClientSession() as session:
        crashed, url = server.pid, server.url
        assert server.rss() > 1_000_000
        await server.kill()
        assert not psutil.pid_exists(crashed)
        await server.start()
        assert server.url == url
        async with session.options(url) as answer:
            assert answer.status == 204
        assert await server.stop() == 0


async def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    server = Server(tmp_path, part_size="much", disable_cors=True, disable_download=False)
    with pytest.raises(ServerError, match="ended with code 2\ntusd-py: --part-size 'much'"):
        await server.start()
    with pytest.raises(ServerError, match="not running"):
        await server.stop()
