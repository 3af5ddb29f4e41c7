"""Scenarios of jobs and exports, one way each."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.simulation.audience import listened
from tests.simulation.client import GIVE_UP, Client, Vanished
from tests.simulation.contents import content
from tests.simulation.job_client import JobClient
from tests.simulation.job_truth import await_jobs
from tests.simulation.listener import Follower, Listener
from tests.simulation.setup import Setup
from tests.simulation.world import World

ASKED = Setup(jobs=True, bus="messages")
ON_FINISH = replace(ASKED, on_finish=("checksum", "scan"))
SCANNED = replace(ASKED, on_finish=("scan",), bus="commits")
HASTY = replace(ASKED, attempts=2)
EXPORTS = Setup(jobs=True, part_size=128)
_CHECKSUM = {"algorithms": ["sha256", "md5"]}


async def on_finish(world: World) -> None:
    """A finished upload gets its jobs, and its listeners are told the end after theirs."""
    client = Client(world, content(7))
    await client.create()
    async with listened(
        world, Listener(world, client.upload_id), Listener(world, client.upload_id, at=1, leaves=(2,), roams=True)
    ):
        await client.upload()


async def infected(world: World) -> None:
    """A scan finds something: the upload ends, and its listeners are told why."""
    client = Client(world, content(6))
    world.infected.add(client.content)
    await client.create()
    async with listened(world, Listener(world, client.upload_id, at=1), Follower(world)):
        await _upload_infected(world, client)


async def _upload_infected(world: World, client: Client) -> None:
    try:
        await client.upload()
    except Vanished:  # its client was not told that it is complete before the scan had ended it
        if client.offset < len(client.content) and client.upload_id in world.uploads():
            raise
    world.complete.discard(client.upload_id)


async def cancelled(world: World) -> None:
    """One of two jobs is cancelled on the other node while it is done."""
    client = await _finished(world, 7)
    asking = JobClient(world)
    checksum = await asking.submit(client.upload_id, "checksum", _CHECKSUM)
    scan = await asking.submit(client.upload_id, "scan", {})
    assert checksum is not None
    assert scan is not None
    await asyncio.sleep(2.0)
    await JobClient(world, at=1).cancel(scan)
    await asking.ended(checksum)
    await await_jobs(world, GIVE_UP)


async def terminated(world: World) -> None:
    """The upload of a scan is terminated meanwhile."""
    client = await _finished(world, 5)
    async with listened(world, Listener(world, client.upload_id)):
        await asyncio.sleep(2.0)
        await client.terminate()


async def shutdown(world: World) -> None:
    """All nodes are replaced while a job begins, and while it is done: it is given back."""
    client = await _finished(world, 7)
    asking = JobClient(world)
    await asking.submit(client.upload_id, "scan", {})
    for pause in (0.003, 1.5, 1.5):
        await asyncio.sleep(pause)
        world.restart(0)
        world.restart(1)
    await asking.submit(client.upload_id, "checksum", _CHECKSUM)
    await await_jobs(world, GIVE_UP)


async def hasty(world: World) -> None:
    """So few attempts that jobs fail where troubles last."""
    client = await _finished(world, 21)
    asking = JobClient(world)
    for kind, args in (("scan", {}), ("checksum", _CHECKSUM)):
        await asking.submit(client.upload_id, kind, args)
    await await_jobs(world, GIVE_UP)


async def exports(world: World) -> None:
    """Two uploads in an archive, and all in a list, while another goes on."""
    first, second = await _finished(world, 7), await _finished(world, 20)
    asking, late = JobClient(world), Client(world, content(9))
    archive = await asking.export([first.upload_id, second.upload_id], "zip")
    listing = await JobClient(world, at=1).export(None, "ndjson")
    await late.create()
    await late.upload()
    await asking.ended(archive)
    await asking.ended(listing)
    await await_jobs(world, GIVE_UP)


async def cancelled_export(world: World) -> None:
    """An export is cancelled while it is made, on the other node."""
    client = await _finished(world, 30)
    archive = await JobClient(world).export([client.upload_id], "zip")
    await asyncio.sleep(0.03)
    await JobClient(world, at=1).cancel(archive)
    await await_jobs(world, GIVE_UP)


async def missing(world: World) -> None:
    """An export is asked for with an upload that has ended before: the export fails, and leaves nothing."""
    first, second = await _finished(world, 7), await _finished(world, 8)
    asking = JobClient(world)
    await second.terminate()
    archive = await asking.export([first.upload_id, second.upload_id], "zip")
    await asking.ended(archive)
    await await_jobs(world, GIVE_UP)


async def _finished(world: World, length: int) -> Client:
    client = Client(world, content(length))
    await client.create()
    await client.upload()
    return client
