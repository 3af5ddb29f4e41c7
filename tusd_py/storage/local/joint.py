"""The part file of a final upload, to which the objects of partial uploads are appended."""

from __future__ import annotations

import os
from functools import partial

from tusd_py.domain.errors import UploadLost
from tusd_py.domain.upload import Upload
from tusd_py.storage.local.disk import Disk, Headroom, copy_chunk


class Joint:
    """The part file of a final upload, open as `fd`, to which the bytes of partial uploads are appended. Appending
    begins at the file's start, and overwrites bytes that an earlier attempt left."""

    def __init__(self, fd: int, disk: Disk, headroom: Headroom, step: int) -> None:
        """`step` is the most bytes that one call to the system copies."""
        self._fd, self._disk, self._headroom, self._step = fd, disk, headroom, step
        self._length = 0

    async def append(self, source: Upload, fd: int) -> None:
        """Append the bytes of a partial upload, whose object is open as `fd`. Raises UploadLost if the object becomes
        shorter meanwhile, StorageFull, StorageUnavailable."""
        start, length = self._length, os.fstat(fd).st_size
        while (done := self._length - start) < length:
            copied = await self._disk.run(partial(self._copy, fd, done, min(done + self._step, length)))
            if not copied:
                raise UploadLost(source.id)
            self._length += copied

    def _copy(self, source: int, start: int, stop: int) -> int:
        with self._headroom.take(stop - start):
            return copy_chunk(source, self._fd, start, stop, self._length)
