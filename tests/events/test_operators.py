"""Commands, which ask no hooks, on an upload that a hook must be asked about before it is finished."""

from __future__ import annotations

import aiohttp

from tests.events.conftest import Start
from tests.support.receiver import Receiver, status
from tests.support.tus import TusClient


async def test_commands_leave_what_a_hook_is_asked_about_to_a_server(start: Start, receiver: Receiver) -> None:
    server = start(hooks_http=receiver.url, hooks_enabled_events="pre-finish", hooks_http_retry="1")
    await server.start()
    receiver.always = status(500)
    async with aiohttp.ClientSession() as session:
        client = TusClient(session, server.url)
        url = await client.create(3)
        assert (await client.patch(url, 0, b"abc")).status == 503
        repaired = await server.command("repair", "--apply")
        assert "a server asks a hook first" in repaired.out + repaired.err
        assert (await server.command("uploads", "expire")).code == 0
        assert (await client.head(url)).status == 423
        receiver.always = None
        assert (await client.patch(url, 3, None)).status == 204
        assert await client.content(url) == b"abc"
