"""Clients that listen while a scenario goes on, and the wait until they have got to the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.simulation.client import GIVE_UP
from tests.simulation.job_truth import await_jobs
from tests.simulation.listener import Follower, Listener
from tests.simulation.world import Violation, World

_LOOK = 0.5


@asynccontextmanager
async def listened(world: World, *streams: Listener | Follower) -> AsyncIterator[None]:
    """Run the listeners while the block lasts, and after it until all jobs have ended, no event that may begin or
    cancel one is undelivered, each Listener has finished and each Follower has got all events. After the block, restart
    nodes that have crashed.

    Raises Untrue if those jobs and events aren't done GIVE_UP seconds after the block; Violation if a listener isn't
    done GIVE_UP seconds after them, or has seen a broken promise.
    """
    tasks = [asyncio.create_task(stream.listen()) for stream in streams]
    try:
        yield
        await await_jobs(world, GIVE_UP)
        give_up = world.loop.time() + GIVE_UP
        while lacking := [stream for task, stream in zip(tasks, streams, strict=True) if not _knows_all(task, stream)]:
            if world.loop.time() > give_up:
                raise Violation(f"never told: {[vars(stream) for stream in lacking]}")
            world.node(0)
            world.node(1)
            await asyncio.sleep(_LOOK)
    finally:
        for task in tasks:
            task.cancel()


def _knows_all(task: asyncio.Task[None], stream: Listener | Follower) -> bool:
    """Return True if the Listener has finished, or the Follower has got all events that there are now. Raises the error
    that ended its task: Violation if it saw a broken promise."""
    if task.done():
        task.result()
    return task.done() or (isinstance(stream, Follower) and stream.knows_all)
