"""Scenarios of those who listen to uploads, one way each."""

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
    """One node takes the upload; listeners of both are told, one of them with a new connection for each event."""
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
    """Both nodes take it in turn, and the feed is followed on both."""
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
    """One upload is terminated, which a listener is told that was alone on its node and came back; and one expires."""
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
