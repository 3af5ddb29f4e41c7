"""Scenarios of listeners, one function each."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.simulation.audience import listened
from tests.simulation.client import Client
from tests.simulation.contents import content
from tests.simulation.listener import Follower, Listener
from tests.simulation.network import OUTAGE
from tests.simulation.setup import Setup
from tests.simulation.world import World

MESSAGES = Setup(bus="messages")
COMMITS = Setup(bus="commits")
HASTY = replace(MESSAGES, expire_after=60.0)


async def finished(world: World) -> None:
    """Send an upload to one node while listeners on both nodes are told of it; one of them closes up to five of its
    connections after one or two events, and reconnects to the other node each time."""
    client = Client(world, content(17), gap=0.3)
    await client.create()
    async with listened(
        world,
        Listener(world, client.upload_id),
        Listener(world, client.upload_id, at=1),
        Listener(world, client.upload_id, at=1, leaves=(1, 1, 1, 2, 1), roams=True),
    ):
        await client.upload(piece=6)
    await client.download()


async def two_nodes(world: World) -> None:
    """Send the requests of an upload to both nodes in turn, while listeners and followers of the feed are on both."""
    client = Client(world, content(11), roams=True, gap=0.3)
    await client.create()
    async with listened(
        world,
        Listener(world, client.upload_id, at=1, leaves=(2,), roams=True),
        Listener(world, client.upload_id),
        Listener(world, client.upload_id, at=1),
        Follower(world),
        Follower(world, at=1, leaves=(1, 1), roams=True),
    ):
        await client.upload(piece=4)


async def ends(world: World) -> None:
    """Terminate one upload, and let another expire, while listeners are told of both. One listener of the first is the
    only one on its node, and has closed its connection before and come back."""
    client, absent = Client(world, content(9), roams=True), Client(world, content(5))
    await client.create()
    await absent.create(first=2)
    async with listened(
        world,
        Listener(world, client.upload_id),
        Listener(world, client.upload_id, at=1, leaves=(1,), rests=2.0),
        Listener(world, absent.upload_id),
    ):
        await client.cut(4)
        await asyncio.sleep(4.0)
        await client.terminate()
        await asyncio.sleep(world.setup.expire_after + 1)
        while absent.upload_id in world.uploads():
            await world.sweep()
            await asyncio.sleep(OUTAGE / 3)


async def shutdown(world: World) -> None:
    """Both nodes are replaced while they tell listeners of an upload."""
    client = Client(world, content(13), gap=0.2)
    await client.create()
    async with listened(
        world, Listener(world, client.upload_id), Listener(world, client.upload_id, at=1), Follower(world)
    ):
        sending = asyncio.create_task(client.upload(piece=4))
        for node in range(2):
            await asyncio.sleep(1.0)
            world.restart(node)
        await sending
