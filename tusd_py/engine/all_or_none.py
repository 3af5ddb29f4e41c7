"""The use case of a request that creates several uploads: if it fails, all of them end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tusd_py.domain.events import Reason
from tusd_py.domain.upload import Upload
from tusd_py.engine.engine import Engine
from tusd_py.engine.terminate import abandon


@asynccontextmanager
async def all_or_none(engine: Engine) -> AsyncIterator[list[Upload]]:
    """Yield a list to which the caller adds each upload that it creates. If the context raises an Exception
    (not if it is cancelled), end all uploads in the list, also finished ones, give back the uses of the caller's
    grant, and raise the exception again. A failure to end an upload is reported, and sweeps try again.
    """
    created = list[Upload]()
    try:
        yield created
    except Exception:
        for upload in created:
            await abandon(engine.refunding(), upload.id, Reason.FAILED_CREATION)
        raise
