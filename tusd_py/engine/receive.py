"""Receiving a request body into a locked upload."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tusd_py.domain.errors import Superseded, Unavailable
from tusd_py.domain.intents import Body as Announced
from tusd_py.domain.refusals import ChecksumMismatch, Refusal, TooLarge, UploadLocked
from tusd_py.domain.upload import Upload
from tusd_py.engine.confirm_loss import confirming_loss
from tusd_py.engine.engine import Engine
from tusd_py.engine.journal import Journal
from tusd_py.engine.sniffing import sniffed
from tusd_py.ports.body import Body, BodyEnd, Chunk
from tusd_py.ports.locks import Lease
from tusd_py.ports.progress import Watcher
from tusd_py.ports.questions import ProgressReport
from tusd_py.ports.storage import Writer
from tusd_py.transfer.digests import Digest, Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One request's body, the intent's description of the body, the object that tells the client of the upload's
    progress (`ports.progress.Watcher`), and the digest of the whole upload (`tally`), known only if all its bytes come
    in this body."""

    body: Body
    announced: Announced
    watcher: Watcher
    last: bool = False
    """True if the request says that its body is the rest of the upload, however long the body is."""
    tally: Tally = field(default_factory=Tally)


async def receive(engine: Engine, upload: Upload, incoming: Incoming, *, max_bytes: int | None, lease: Lease) -> Upload:
    """Store the body's bytes, at most `max_bytes` (None for no limit), and return the upload as recorded, also if a
    body without an announced checksum was cut short.

    Raises UploadStopped (a hook wants the upload to end); TypeNotAllowed; ChecksumMismatch, TooLarge, OverQuota,
    UploadLocked (this server stopped reading a body with an announced checksum) and what the body raises (unrecorded
    bytes are dropped then); UploadLost (the upload has ended), Superseded, Unavailable.
    """
    report = engine.questions.report_progress(engine.caller, incoming.body.stop)
    digest, announced = Digest(incoming.announced.checksum), incoming.announced
    withheld = digest.open or announced.length is None
    journal = Journal(engine, upload, withheld=withheld, on_progress=_both(incoming.watcher, report))
    try:
        await _store(engine, journal, incoming, digest, max_bytes=max_bytes, lease=lease)
    finally:
        stopped = await report.end()
    if stopped is not None:
        raise stopped
    return journal.upload


async def _store(
    engine: Engine, journal: Journal, incoming: Incoming, digest: Digest, *, max_bytes: int | None, lease: Lease
) -> None:
    upload = journal.upload
    writer: Writer | None = None
    try:
        async with (
            engine.records.cleaning_if_superseded(upload),
            confirming_loss(engine, lambda: journal.upload),
            engine.storage.writer(upload, journal.record, lease, unproven=digest.open) as writer,
        ):
            chunks = sniffed(engine, upload, incoming.body.chunks(max_bytes), incoming.body, last=incoming.last)
            await _pour(engine, incoming.tally.over(upload, chunks), writer, journal, digest)
            _check(incoming.body.end, digest)
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
        await journal.delete_superseded()


def _both(watcher: Watcher, report: ProgressReport) -> Callable[[Upload], None]:
    def tell(upload: Upload) -> None:
        watcher.on_progress(upload)
        report.tell(upload)

    return tell


async def _pour(engine: Engine, chunks: AsyncIterator[Chunk], writer: Writer, journal: Journal, digest: Digest) -> None:
    received = 0
    async for chunk in chunks:
        digest.update(chunk)
        engine.meter.bytes_received(len(chunk))
        await writer.write(chunk)
        received += len(chunk)
        if journal.withheld and received > engine.thresholds.unproven and not digest.open:
            await journal.proceed()


async def expect_nothing(incoming: Incoming) -> None:
    """Read a body that must be empty, as the upload takes no more bytes. Raises TooLarge if the body has bytes, and
    what the body raises. Only if a checksum is announced, raises UploadLocked if this server stopped reading (for
    another request that wants the lock, say), and ChecksumMismatch if the checksum isn't that of no bytes."""
    async for _ in incoming.body.chunks(0):
        pass
    _check(incoming.body.end, Digest(incoming.announced.checksum))


def _check(end: BodyEnd, digest: Digest) -> None:
    """Raise TooLarge if the body is too long, UploadLocked if this server stopped reading it (for another request that
    wants the lock, say) and a checksum is announced, ChecksumMismatch if it doesn't have that checksum. A body without
    an announced checksum may be stopped."""
    if end is BodyEnd.TOO_LONG:
        raise TooLarge("the body has more bytes than the upload takes")
    if digest.open and end is BodyEnd.STOPPED:
        raise UploadLocked
    if not digest.matches():
        raise ChecksumMismatch
