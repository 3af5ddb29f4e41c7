"""A state store and sinks whose operations have spans. Imported only if spans are made."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Sequence

from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.events import Event
from tusd_py.domain.principal import Grant, Quota
from tusd_py.domain.record_json import decode_trace
from tusd_py.domain.trace import Trace
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.pairing import PairedState
from tusd_py.ports.outbox import Delivery
from tusd_py.ports.sink import Sink
from tusd_py.telemetry.tracing import add_span, current_request, delivering

_SLOW_SECONDS = 0.05
"""The seconds that a creation, save or rewind, for which a request waits, must exceed to have a span."""


class TracedState(PairedState):
    """A state store whose creations, saves and rewinds (saves that replace all entries of an upload) have spans if they
    are slow and a request waits for them. It tells the request's span which uploads the request loads or creates."""

    async def load(self, upload_id: UploadId) -> Upload | None:
        upload = await super().load(upload_id)
        if upload is not None:
            _concern(upload)
        return upload

    async def create(
        self,
        upload: Upload,
        entries: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        grant: Grant | None = None,
    ) -> Upload:
        created = await _timed("create", super().create(upload, entries, events, quota=quota, grant=grant))
        _concern(created)
        return created

    async def save(
        self,
        upload: Upload,
        added: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        refund: Grant | None = None,
    ) -> Upload:
        return await _timed("save", super().save(upload, added, events, quota=quota, refund=refund))

    async def rewind(self, upload: Upload, entries: Sequence[Entry], events: Sequence[Event] = ()) -> Upload:
        return await _timed("rewind", super().rewind(upload, entries, events))


class TracedSink:
    """A sink each of whose deliveries has a span."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    async def publish(self, delivery: Delivery) -> None:
        with delivering(delivery.type, _cause(delivery)):
            await self._sink.publish(delivery)

    async def aclose(self) -> None:
        await self._sink.aclose()


def _concern(upload: Upload) -> None:
    if (request := current_request()) is not None:
        request.concern(upload)


async def _timed(operation: str, saving: Awaitable[Upload]) -> Upload:
    started, error = time.perf_counter(), None
    try:
        return await saving
    except Exception as caught:
        error = type(caught).__name__
        raise
    finally:
        if (seconds := time.perf_counter() - started) > _SLOW_SECONDS:
            add_span(f"state {operation}", seconds, {"tusdpy.state.operation": operation}, error=error)


def _cause(delivery: Delivery) -> Trace | None:
    stored = json.loads(delivery.document)["upload"].get("trace")
    return None if stored is None else decode_trace(stored)
