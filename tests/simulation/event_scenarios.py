"""Scenarios of the delivery of events, one way each."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.simulation.client import Client
from tests.simulation.contents import content
from tests.simulation.setup import Setup
from tests.simulation.telling import resend
from tests.simulation.world import World
from tusd_py.domain.upload import Kind
from tusd_py.ports.outbox import DeliveryState

HOUR = 3600.0
PATIENT = Setup(pauses=(0.0, 5.0, 300.0, 300.0, 300.0, 300.0))
"""Attempts for longer than some faults last."""
STANDARD = Setup(pauses=(0.0, 5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0))
"""The default of the settings."""
HASTY = Setup(pauses=(0.0, 1.0))
STRICT = replace(HASTY, strict=True)
_PATIENCE = 300
"""Seconds that a fault may delay what is told."""


async def whole_life(world: World) -> None:
    """An upload is made, finished and ended, and another is left until it expires."""
    await asyncio.gather(_live(world), _leave(world))
    await _listen(world)


async def two_nodes(world: World) -> None:
    """Uploads whose changes are made on both nodes in turn: each event is told by one of them."""
    await asyncio.gather(_live(world, roams=True), _join(world))
    await _listen(world)


async def shutdown(world: World) -> None:
    """Nodes are replaced while they deliver."""
    living = asyncio.create_task(_live(world))
    for node in range(2):
        await asyncio.sleep(0.02)
        world.restart(node)
    await living
    world.restart(0)
    await _listen(world)


async def silent_shutdown(world: World) -> None:
    """A node is stopped while the receiver keeps it waiting, and hears nothing: another start goes on."""
    world.receiver.hush(100.0, hears=False)
    await _live(world)
    world.restart(0)
    world.restart(1)
    await _listen(world)


async def away(world: World) -> None:
    """The receiver is away for hours, as the schedule allows for."""
    world.receiver.leave(2 * HOUR)
    await _live(world)
    await asyncio.sleep(3.2 * HOUR)
    await _listen(world)


async def silent(world: World) -> None:
    """Each attempt arrives, and waits for its answer until its time is over."""
    world.receiver.hush(12.0, hears=True)
    await _live(world)
    await _listen(world)


async def dead(world: World) -> None:
    """The receiver is away for longer than an event is tried, and back for the next: an operator has the first sent
    again."""
    world.receiver.leave(2.0)
    await _live(world)
    await asyncio.sleep(60.0)
    resend(world, DeliveryState.DEAD)
    await _listen(world)


async def resent(world: World) -> None:
    """An operator has everything sent again while the rest is under way."""
    living = asyncio.create_task(_live(world))
    await asyncio.sleep(0.02)
    resend(world, *DeliveryState)
    await living
    resend(world, *DeliveryState)
    await _listen(world)


async def _live(world: World, *, roams: bool = False) -> None:
    client = Client(world, content(7), roams=roams)
    await client.create()
    await client.upload()
    await client.terminate()


async def _leave(world: World) -> None:
    client = Client(world, content(5))
    await client.create()
    await client.cut(2)


async def _join(world: World) -> None:
    first, second = Client(world, content(3)), Client(world, content(2))
    for part in (first, second):
        await part.create(Kind.PARTIAL, first=len(part.content))
    final = Client(world, first.content + second.content)
    await final.create(Kind.FINAL, partials=(first.upload_id, second.upload_id))


async def _listen(world: World) -> None:
    """Wait until the receiver knows all there is, or for as long as a fault may delay it."""
    for _ in range(_PATIENCE):
        if world.receiver.knows_all:
            return
        await asyncio.sleep(1.0)
