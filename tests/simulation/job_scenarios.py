"""Scenarios of jobs and exports, one function each."""

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
    """Finish an upload that gets jobs: its listeners are told its end only after these jobs have ended."""
    client = Client(world, content(7))
    await client.create()
    async with listened(
        world, Listener(world, client.upload_id), Listener(world, client.upload_id, at=1, leaves=(2,), roams=True)
    ):
        await client.upload()


async def infected(world: World) -> None:
    """Upload bytes in which a scan finds malware: the scan ends the upload, and its listener is told the reason."""
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
    """Cancel one of an upload's two jobs while it runs, by a request to the node that wasn't asked for the job."""
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
    """Terminate a finished upload while its scan runs."""
    client = await _finished(world, 5)
    async with listened(world, Listener(world, client.upload_id)):
        await asyncio.sleep(2.0)
        await client.terminate()


async def shutdown(world: World) -> None:
    """Replace both nodes three times while a scan begins and runs, so that its node gives it back; then have a checksum
    made."""
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
    """Have a scan and a checksum made with only two attempts each, so that a job fails if a fault lasts."""
    client = await _finished(world, 21)
    asking = JobClient(world)
    for kind, args in (("scan", {}), ("checksum", _CHECKSUM)):
        await asking.submit(client.upload_id, kind, args)
    await await_jobs(world, GIVE_UP)


async def exports(world: World) -> None:
    """Export two uploads as an archive, and all uploads as a list, while a third upload is made."""
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
    """Cancel an export while it runs, by a request to the node that wasn't asked for the export."""
    client = await _finished(world, 30)
    archive = await JobClient(world).export([client.upload_id], "zip")
    await asyncio.sleep(0.03)
    await JobClient(world, at=1).cancel(archive)
    await await_jobs(world, GIVE_UP)


async def missing(world: World) -> None:
    """Ask for an export of two uploads, one of which was terminated before: the export fails, and no upload that it
    made is left."""
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
