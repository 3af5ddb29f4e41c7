"""Bytes from a request body into an upload that is held."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

from tusd_py.domain.errors import Superseded, Unavailable
from tusd_py.domain.intents import Body as Announced
from tusd_py.domain.refusals import ChecksumMismatch, Refusal, TooLarge, UploadLocked
from tusd_py.domain.upload import Upload
from tusd_py.engine.engine import Engine
from tusd_py.engine.journal import Journal
from tusd_py.engine.loss import settling_loss
from tusd_py.ports.body import Body, BodyEnd, Chunk
from tusd_py.ports.locks import Lease
from tusd_py.ports.progress import Watcher
from tusd_py.ports.storage import Writer
from tusd_py.transfer.digests import Digest, Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request's bytes, and who is told what becomes of them."""

    body: Body
    announced: Announced
    watcher: Watcher
    tally: Tally = field(default_factory=Tally)


async def receive(engine: Engine, upload: Upload, delivery: Delivery, *, room: int | None, lease: Lease) -> Upload:
    """Take the body's bytes and return the upload as recorded, also when the body was cut short.

    Raises ChecksumMismatch, TooLarge, UploadLocked (nothing is kept that wasn't recorded), UploadLost, Superseded,
    Unavailable.
    """
    digest, announced = Digest(delivery.announced.checksum), delivery.announced
    held = digest.open or announced.length is None
    journal = Journal(engine, upload, held=held, watcher=delivery.watcher)
    writer: Writer | None = None
    try:
        async with (
            engine.records.outlived(upload),
            settling_loss(engine, lambda: journal.upload),
            engine.storage.writer(upload, journal.record, lease, unproven=digest.open) as writer,
        ):
            chunks = delivery.tally.over(upload, delivery.body.chunks(room))
            await _pour(engine, chunks, writer, journal, digest)
            _judge(delivery.body.end, digest)
            await writer.flush()
            await journal.release()
    except Unavailable:
        if not digest.open:
            with suppress(Superseded, Unavailable):
                await journal.proceed()
        await engine.records.remember_trouble(upload.id)
        raise
    except Refusal:
        if writer is not None and writer.unsettled:
            await engine.records.remember_trouble(upload.id)
        raise
    finally:
        await journal.sweep()
    return journal.upload


async def _pour(engine: Engine, chunks: AsyncIterator[Chunk], writer: Writer, journal: Journal, digest: Digest) -> None:
    taken = 0
    async for chunk in chunks:
        digest.update(chunk)
        engine.meter.bytes_received(len(chunk))
        await writer.write(chunk)
        taken += len(chunk)
        if journal.held and taken > engine.thresholds.unproven and not digest.open:
            await journal.proceed()


async def expect_nothing(delivery: Delivery) -> None:
    """Read a body that must be empty, since there is no room. Raises TooLarge, ChecksumMismatch."""
    async for _ in delivery.body.chunks(0):
        pass
    _judge(delivery.body.end, Digest(delivery.announced.checksum))


def _judge(end: BodyEnd, digest: Digest) -> None:
    """A body that is longer than allowed, or isn't the one announced, leaves nothing behind."""
    if end is BodyEnd.TOO_LONG:
        raise TooLarge("the body has more bytes than the upload takes")
    if digest.open and end is BodyEnd.STOPPED:
        raise UploadLocked
    if not digest.agrees():
        raise ChecksumMismatch
