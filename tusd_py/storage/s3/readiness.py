"""Can bytes be stored? Asked every few seconds on every node, so it writes only while nothing shows that they can.

A write leaves a version behind where the bucket keeps them. So one is made before the first upload, and after each that
failed, until one has worked; else it is a HeadBucket by botocore and a GetObject the way that bytes go.
"""

from __future__ import annotations

from contextlib import suppress

from tusd_py.domain.errors import StorageUnavailable
from tusd_py.storage.s3.keys import readiness_key
from tusd_py.storage.s3.pieces import Piece
from tusd_py.storage.s3.room import Room


class Readiness:
    """Of one bucket, in one process."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._key = readiness_key(room.options.prefix)
        self._left = False
        """A test write may still be there."""

    async def look(self) -> None:
        """Return if bytes can be stored. Raises StorageUnavailable."""
        await self._room.client.ping()
        if not await self._room.client.reach(self._key):
            await self._write()
        if self._left:
            await self._tidy_up()

    async def _write(self) -> None:
        """As a segment is written."""
        piece = Piece()
        piece.add(b"?")
        self._left = True
        await self._room.put_segment(self._key, piece)

    async def _tidy_up(self) -> None:
        with suppress(StorageUnavailable):  # bytes can be stored, and it is tried again
            await self._room.client.delete([self._key])
            self._left = False
