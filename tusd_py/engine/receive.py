"""Bytes from a request body into an upload that is held."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

from tusd_py.engine.finish import burying
from tusd_py.engine.journal import Journal
from tusd_py.engine.ports import Ports
from tusd_py.engine.terminate import outlived
from tusd_py.errors import Superseded, Unavailable
from tusd_py.locking.base import Lease
from tusd_py.model import Upload
from tusd_py.pipeline.body import Body, BodyEnd, Chunk
from tusd_py.pipeline.digests import Digest
from tusd_py.protocol.intents import Body as Announced
from tusd_py.protocol.refusals import ChecksumMismatch, TooLarge, UploadLocked
from tusd_py.storage.base import Writer

_UNPROVEN = 64 * 1024 * 1024
"""Bytes of a body without a declared length that wait for its end, which may show that it is too long. What goes beyond
is recorded as it comes: a crash must not cost a day's upload."""


async def receive(
    ports: Ports, upload: Upload, body: Body, *, room: int | None, announced: Announced, lease: Lease
) -> Upload:
    """Take the body's bytes and return the upload as recorded, also when the body was cut short.

    Raises ChecksumMismatch, TooLarge, UploadLocked (nothing is kept that wasn't recorded), UploadLost, Superseded,
    Unavailable.
    """
    digest = Digest(announced.checksum)
    journal = Journal(ports, upload, held=digest.open or announced.length is None)
    try:
        async with (
            outlived(ports, upload),
            burying(ports, lambda: journal.upload),
            ports.storage.writer(upload, journal.record, lease, unproven=digest.open) as writer,
        ):
            await _pour(ports, body.chunks(room), writer, journal, digest)
            _judge(body.end, digest)
            await writer.flush()
            await journal.release()
    except Unavailable:
        if not digest.open:
            with suppress(Superseded, Unavailable):
                await journal.proceed()
        raise
    finally:
        await journal.sweep()
    return journal.upload


async def _pour(ports: Ports, chunks: AsyncIterator[Chunk], writer: Writer, journal: Journal, digest: Digest) -> None:
    taken = 0
    async for chunk in chunks:
        digest.update(chunk)
        ports.observer.bytes_received(len(chunk))
        await writer.write(chunk)
        taken += len(chunk)
        if journal.held and taken > _UNPROVEN and not digest.open:
            await journal.proceed()


async def expect_nothing(body: Body, announced: Announced) -> None:
    """Read a body that must be empty, since there is no room. Raises TooLarge, ChecksumMismatch."""
    async for _ in body.chunks(0):
        pass
    _judge(body.end, Digest(announced.checksum))


def _judge(end: BodyEnd, digest: Digest) -> None:
    """A body that is longer than allowed, or isn't the one announced, leaves nothing behind."""
    if end is BodyEnd.TOO_LONG:
        raise TooLarge("the body has more bytes than the upload takes")
    if digest.open and end is BodyEnd.STOPPED:
        raise UploadLocked
    if not digest.agrees():
        raise ChecksumMismatch
