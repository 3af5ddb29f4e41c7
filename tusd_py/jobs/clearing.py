"""The removal of the uploads that a job has made, unless the job is done."""

from __future__ import annotations

from collections.abc import Sequence

from tusd_py.domain.events import Reason
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.engine.terminate import abandon


async def clear(engine: Engine, upload_ids: Sequence[UploadId]) -> Sequence[UploadId]:
    """Remove those of the uploads that exist; return those that couldn't be removed now. Raises StateUnavailable."""
    remaining = list[UploadId]()
    for upload_id in upload_ids:
        if await _is_there(engine, upload_id):
            await abandon(engine, upload_id, Reason.FAILED_CREATION)
            if await _is_there(engine, upload_id):
                remaining.append(upload_id)
    return remaining


async def _is_there(engine: Engine, upload_id: UploadId) -> bool:
    upload = await engine.state.load(upload_id)
    return upload is not None and upload.alive
