"""PATCH, in words: hold the upload, decide, and only then take the bytes."""

from __future__ import annotations

from dataclasses import replace

from tusd_py.engine.finish import drive
from tusd_py.engine.ports import Ports
from tusd_py.engine.receive import expect_nothing, receive
from tusd_py.locking.base import Lease
from tusd_py.model import Phase, Upload, UploadId
from tusd_py.pipeline.body import Body
from tusd_py.protocol.intents import Append
from tusd_py.protocol.rules import AppendPlan, plan_append


async def append(ports: Ports, upload_id: UploadId, intent: Append, body: Body) -> Upload:
    """The upload with the body's bytes, as recorded; done if they were the last.

    Raises Refusal (nothing has changed), Locked, UploadLost, Superseded, Unavailable.
    """
    async with ports.hold(upload_id, body.stop) as lease:
        upload = await ports.state.load(upload_id)
        if upload is not None:
            upload = await drive(ports, upload)
        plan = plan_append(intent, upload, limits=ports.limits, now=ports.clock())
        return await _carry_out(ports, plan, intent, body, lease)


async def _carry_out(ports: Ports, plan: AppendPlan, intent: Append, body: Body, lease: Lease) -> Upload:
    upload = plan.upload
    if plan.room == 0:
        await expect_nothing(body, intent.body)
    else:
        upload = await receive(ports, upload, body, room=plan.room, announced=intent.body, lease=lease)
    if plan.declared and upload.revision == plan.upload.revision:
        upload = await ports.save(replace(upload, phase=Phase.FINISHING if upload.full else upload.phase))
    return await drive(ports, upload)
