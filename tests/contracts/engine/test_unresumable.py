"""Uploads that can't be resumed, as a job or one request makes them: looks and pauses don't interrupt their writers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import creating
from tusd_py.domain.errors import Locked
from tusd_py.domain.upload import Upload
from tusd_py.engine.create import create
from tusd_py.engine.lookup import inspect
from tusd_py.engine.make import make
from tusd_py.engine.pause import pause
from tusd_py.engine.terminate import terminate
from tusd_py.ports.body import BodyEnd

BYTES = b"0123456789"
INTENT = replace(creating(len(BYTES), body=True), unresumable=True)
looks = pytest.mark.parametrize("look", [inspect, pause])
Look = Callable[..., Awaitable[Upload]]


async def begin_creation(harness: Harness, body: ScriptedBody, intent: Any = INTENT) -> asyncio.Task[Upload]:
    """Start a creation with this body, which must have `stalls`, and return the task once the body's chunks were read:
    the task then waits for the body's end."""
    creation = asyncio.create_task(create(harness.engine, intent, body))
    await body.stalled.wait()
    return creation


@looks
async def test_a_request_that_can_not_be_repeated_goes_on(harness: Harness, look: Look) -> None:
    body = ScriptedBody(BYTES, stalls=True)
    creation = await begin_creation(harness, body)
    (upload,) = await harness.uploads()
    with pytest.raises(Locked):
        await look(harness.engine, upload.id)
    body._stopped.set()
    assert (await creation).done
    assert body.end is BodyEnd.COMPLETE
    assert (await inspect(harness.engine, upload.id)).offset == len(BYTES)


@looks
async def test_a_job_goes_on(harness: Harness, look: Look) -> None:
    begins, ends = asyncio.Event(), asyncio.Event()

    async def chunks() -> AsyncGenerator[bytes, None]:
        begins.set()
        await ends.wait()
        yield BYTES

    making = asyncio.create_task(make(harness.engine, harness.engine.new_id(), {}, chunks()))
    await begins.wait()
    (upload,) = await harness.uploads()
    with pytest.raises(Locked):
        await look(harness.engine, upload.id)
    ends.set()
    assert (await making).done


async def test_a_termination_interrupts_it(harness: Harness) -> None:
    body = ScriptedBody(BYTES, stalls=True)
    creation = await begin_creation(harness, body)
    (upload,) = await harness.uploads()
    await terminate(harness.engine, upload.id)
    await asyncio.wait([creation])
    assert body.end is BodyEnd.STOPPED
    assert await harness.residue() == []


async def test_a_look_at_one_whose_writer_died_goes_on(harness: Harness) -> None:
    """An unresumable upload that no writer holds any more, as after its writer died, can be inspected like any other:
    its offset is 0."""
    upload = await create(harness.engine, replace(creating(10), unresumable=True), ScriptedBody())
    assert (await inspect(harness.engine, upload.id)).offset == 0
