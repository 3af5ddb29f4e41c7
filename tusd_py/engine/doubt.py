"""A write whose answer is lost may still take effect, and whoever ends the upload must know."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from tusd_py.engine.ports import Ports
from tusd_py.errors import StateUnavailable, Superseded
from tusd_py.model import Phase, UploadId

_PAUSES = (0.0, 0.5, 2.0, 5.0)
"""Seconds before each attempt. Who has the turn keeps it until then, so that nobody ends the upload unknowing; what
hasn't come about after all of them isn't expected to."""


async def remember_doubt(ports: Ports, upload_id: UploadId) -> None:
    """Record that the upload's object may come about by itself, unless the state stays away."""
    for pause in _PAUSES:
        await asyncio.sleep(pause)
        with suppress(Superseded, StateUnavailable):
            await _remember(ports, upload_id)
            break


async def _remember(ports: Ports, upload_id: UploadId) -> None:
    """On the record as it is now: another may have moved the upload on, to its end even."""
    now = await ports.state.load(upload_id)
    if now is not None and not now.doubt and now.phase is not Phase.GONE:
        await ports.save(replace(now, doubt=True))
