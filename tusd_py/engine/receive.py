"""Bytes from a request body into an upload that is held."""

from __future__ import annotations

from tusd_py.engine.finish import burying
from tusd_py.engine.journal import Journal
from tusd_py.engine.ports import Ports
from tusd_py.locking.base import Lease
from tusd_py.model import Upload
from tusd_py.pipeline.body import Body, BodyEnd
from tusd_py.pipeline.digests import Digest
from tusd_py.protocol.intents import Checksum
from tusd_py.protocol.refusals import ChecksumMismatch, TooLarge, UploadLocked


async def receive(
    ports: Ports, upload: Upload, body: Body, *, room: int | None, checksum: Checksum | None, lease: Lease
) -> Upload:
    """Take the body's bytes and return the upload as recorded, also when the body was cut short.

    Raises ChecksumMismatch, TooLarge, UploadLocked (nothing is kept that wasn't recorded), UploadLost, Superseded,
    Unavailable.
    """
    digest = Digest(checksum)
    journal = Journal(ports, upload, held=digest.open)
    try:
        async with burying(ports, lambda: journal.upload), ports.storage.writer(upload, journal.record, lease) as writer:
            async for chunk in body.chunks(room):
                digest.update(chunk)
                ports.observer.bytes_received(len(chunk))
                await writer.write(chunk)
            _judge(body.end, digest)
            await writer.flush()
            await journal.release()
    finally:
        await journal.sweep()
    return journal.upload


async def expect_nothing(body: Body, checksum: Checksum | None) -> None:
    """Read a body that must be empty, since there is no room. Raises TooLarge, ChecksumMismatch."""
    async for _ in body.chunks(0):
        pass
    _judge(body.end, Digest(checksum))


def _judge(end: BodyEnd, digest: Digest) -> None:
    """A body that is longer than allowed, or isn't the one announced, leaves nothing behind."""
    if end is BodyEnd.TOO_LONG:
        raise TooLarge("the body has more bytes than the upload takes")
    if digest.open and end is BodyEnd.STOPPED:
        raise UploadLocked
    if not digest.agrees():
        raise ChecksumMismatch
