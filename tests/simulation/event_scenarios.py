"""Scenarios of event delivery, one function each."""

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
"""A setup whose attempts at an event go on for 20 minutes, longer than the faults of an experiment last."""
STANDARD = Setup(pauses=(0.0, 5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0))
"""A setup with the pauses between attempts at an event that the server has by default."""
HASTY = Setup(pauses=(0.0, 1.0))
STRICT = replace(HASTY, strict=True)
_PATIENCE = 300
"""The most seconds that a scenario waits for its events. Some faults delay them longer: then they arrive after the
scenario, before the experiment ends."""


async def whole_life(world: World) -> None:
    """Create, finish and terminate one upload, and leave another unfinished, which expires after the scenario."""
    await asyncio.gather(_live(world), _leave(world))
    await _listen(world)


async def two_nodes(world: World) -> None:
    """Create, finish and terminate an upload by requests to both nodes in turn, and join two partial uploads by
    requests to one node. Either node may deliver each event."""
    await asyncio.gather(_live(world, roams=True), _join(world))
    await _listen(world)


async def shutdown(world: World) -> None:
    """Replace both nodes by new processes, one after the other, while a client sends its requests to the first, which
    delivers the events; at the end, replace the first again."""
    living = asyncio.create_task(_live(world))
    for node in range(2):
        await asyncio.sleep(0.02)
        world.restart(node)
    await living
    world.restart(0)
    await _listen(world)


async def silent_shutdown(world: World) -> None:
    """Replace both nodes while the receiver neither takes nor answers deliveries: the new processes have to deliver the
    events."""
    world.receiver.hush(100.0, hears=False)
    await _live(world)
    world.restart(0)
    world.restart(1)
    await _listen(world)


async def away(world: World) -> None:
    """Let the receiver refuse all deliveries for two hours, a shorter time than the attempts at an event go on: every
    event has to arrive after that."""
    world.receiver.leave(2 * HOUR)
    await _live(world)
    await asyncio.sleep(3.2 * HOUR)
    await _listen(world)


async def silent(world: World) -> None:
    """Let the receiver take deliveries without an answer for 12 s, so that attempts time out."""
    world.receiver.hush(12.0, hears=True)
    await _live(world)
    await _listen(world)


async def dead(world: World) -> None:
    """Let the receiver refuse deliveries for 2 s, longer than the attempts at an event last, so that events are given
    up: an operator has the dead ones sent again."""
    world.receiver.leave(2.0)
    await _live(world)
    await asyncio.sleep(60.0)
    resend(world, DeliveryState.DEAD)
    await _listen(world)


async def resent(world: World) -> None:
    """Have an operator send all stored events again, first while the client's requests go on, then after the upload's
    end."""
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
    """Wait until the receiver has got all events stored so far, for `_PATIENCE` seconds at most; raise nothing if some
    are missing then."""
    for _ in range(_PATIENCE):
        if world.receiver.knows_all:
            return
        await asyncio.sleep(1.0)
