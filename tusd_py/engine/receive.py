"""Bytes from a request body into an upload that is held."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

from tusd_py.engine.journal import Journal
from tusd_py.engine.loss import settling_loss
from tusd_py.engine.ports import Ports
from tusd_py.engine.watching import Watcher
from tusd_py.errors import Superseded, Unavailable
from tusd_py.locking.base import Lease
from tusd_py.model import Upload
from tusd_py.pipeline.body import Body, BodyEnd, Chunk
from tusd_py.pipeline.digests import Digest, Tally
from tusd_py.protocol.intents import Body as Announced
from tusd_py.protocol.refusals import ChecksumMismatch, Refusal, TooLarge, UploadLocked
from tusd_py.storage.base import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request's bytes, and who is told what becomes of them."""

    body: Body
    announced: Announced
    watcher: Watcher
    tally: Tally = field(default_factory=Tally)


async def receive(ports: Ports, upload: Upload, delivery: Delivery, *, room: int | None, lease: Lease) -> Upload:
    """Take the body's bytes and return the upload as recorded, also when the body was cut short.

    Raises ChecksumMismatch, TooLarge, UploadLocked (nothing is kept that wasn't recorded), UploadLost, Superseded,
    Unavailable.
    """
    digest, announced = Digest(delivery.announced.checksum), delivery.announced
    held = digest.open or announced.length is None
    journal = Journal(ports, upload, held=held, watcher=delivery.watcher)
    writer: Writer | None = None
    try:
        async with (
            ports.records.outlived(upload),
            settling_loss(ports, lambda: journal.upload),
            ports.storage.writer(upload, journal.record, lease, unproven=digest.open) as writer,
        ):
            chunks = delivery.tally.over(upload, delivery.body.chunks(room))
            await _pour(ports, chunks, writer, journal, digest)
            _judge(delivery.body.end, digest)
            await writer.flush()
            await journal.release()
    except Unavailable:
        if not digest.open:
            with suppress(Superseded, Unavailable):
                await journal.proceed()
        await ports.records.remember_trouble(upload.id)
        raise
    except Refusal:
        if writer is not None and writer.unsettled:
            await ports.records.remember_trouble(upload.id)
        raise
    finally:
        await journal.sweep()
    return journal.upload


async def _pour(ports: Ports, chunks: AsyncIterator[Chunk], writer: Writer, journal: Journal, digest: Digest) -> None:
    taken = 0
    async for chunk in chunks:
        digest.update(chunk)
        ports.meter.bytes_received(len(chunk))
        await writer.write(chunk)
        taken += len(chunk)
        if journal.held and taken > ports.thresholds.unproven and not digest.open:
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
