"""The readiness check of the bucket. It runs every few seconds on every node, so it writes only if that is necessary.

In a bucket with versioning each write leaves a version behind. So each check sends a HeadBucket by botocore and a
GetObject by the client that uploads use, but writes a test object only if S3 has taken no body from this process yet,
or the last one failed. S3 may store the test object of a killed process late, after the next process has deleted it:
the GetObject finds it then, and it is deleted.
"""

from __future__ import annotations

from contextlib import suppress

from tusd_py.domain.errors import StorageUnavailable
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.keys import readiness_key
from tusd_py.storage.s3.pieces import Piece


class Readiness:
    """The readiness check of one bucket, in one process."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._key = readiness_key(bucket.options.prefix)
        self._may_remain = False
        """True if the object of a test write may still exist."""

    async def check(self) -> None:
        """Raise StorageUnavailable unless S3 answers a HeadBucket and a GetObject and, if it has taken no body from
        this process yet or the last one failed, stores a test object."""
        await self._bucket.client.ping()
        self._may_remain |= await self._bucket.client.reach(self._key)
        if not self._bucket.client.writable:
            await self._write()
        if self._may_remain:
            await self._delete()

    async def _write(self) -> None:
        """Store a test object in the same way as a segment."""
        piece = Piece()
        piece.add(b"?")
        self._may_remain = True
        await self._bucket.put_segment(self._key, piece)

    async def _delete(self) -> None:
        with suppress(StorageUnavailable):  # bytes can be stored; the next check tries again
            await self._bucket.client.delete([self._key])
            self._may_remain = False
