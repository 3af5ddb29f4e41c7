"""POST, in words: remember the upload, and take its first bytes if the request brought any."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from tusd_py.engine.finish import drive
from tusd_py.engine.ports import Ports
from tusd_py.engine.receive import expect_nothing, receive
from tusd_py.engine.terminate import forget
from tusd_py.model import Kind, Phase, Upload
from tusd_py.pipeline.body import Body
from tusd_py.protocol.intents import Create
from tusd_py.protocol.rules import plan_create, plan_final, resolve_partial, room_left


async def create(ports: Ports, intent: Create, body: Body) -> Upload:
    """The new upload as recorded, with the bytes that came along; a final one is done.

    Raises Refusal, Unavailable; nothing of the upload is left then.
    """
    if intent.kind is Kind.FINAL:
        planned = await _planned_final(ports, intent)
    else:
        planned = plan_create(intent, upload_id=ports.new_id(), limits=ports.limits, now=ports.clock())
    async with _remembered(ports, planned) as upload:
        if intent.body is None and not upload.full:
            return upload
        return await _fill(ports, upload, intent, body)


async def _planned_final(ports: Ports, intent: Create) -> Upload:
    ids = [resolve_partial(url, ports.base_path) for url in intent.partials]
    partials = [await ports.state.load(partial) if partial else None for partial in ids]
    return plan_final(intent, partials, upload_id=ports.new_id(), limits=ports.limits, now=ports.clock())


@asynccontextmanager
async def _remembered(ports: Ports, planned: Upload) -> AsyncIterator[Upload]:
    """The upload in the state store; should its first request fail, which told nobody of it, it is forgotten again."""
    phase = Phase.FINISHING if planned.full else Phase.OPEN
    upload = await ports.state.create(replace(planned, phase=phase, cursor=ports.storage.start(planned)))
    ports.observer.upload_created(upload)
    try:
        yield upload
    except Exception:
        await forget(ports, upload.id)
        raise


async def _fill(ports: Ports, upload: Upload, intent: Create, body: Body) -> Upload:
    async with ports.hold(upload.id, body.stop) as lease:
        if intent.body is not None:
            room = room_left(upload, ports.limits)
            if room == 0:
                await expect_nothing(body, intent.body)
            else:
                upload = await receive(ports, upload, body, room=room, announced=intent.body, lease=lease)
        return await drive(ports, upload)
