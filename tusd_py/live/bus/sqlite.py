"""The bus of a state in SQLite: the database has a number that changes when another connection commits."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

from tusd_py.domain.upload_id import UploadId
from tusd_py.tasks import end

_PAUSE = 0.2
"""Seconds between two looks at the number (`PRAGMA data_version`)."""


class SqliteBus:
    """A `Bus` among the processes that share the database at `path`. It sees that another connection has committed,
    but not which upload has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def publish(self, upload_id: UploadId) -> None:
        """Do nothing: other processes see the commit itself."""

    @asynccontextmanager
    async def listening(self, notify: Callable[[UploadId | None], None]) -> AsyncIterator[None]:
        task = asyncio.create_task(self._listen(notify), name="sqlite bus")
        try:
            yield
        finally:
            await end(task)

    async def _listen(self, notify: Callable[[UploadId | None], None]) -> None:
        """Look for commits of other connections, and call `notify` with None after them, until cancelled. After a
        sqlite3.Error, as for a missing file, go on with a new connection, and call it, too, as commits may have been
        missed."""
        while True:
            with suppress(sqlite3.Error):
                await self._look(notify)
            await asyncio.sleep(_PAUSE)
            notify(None)

    async def _look(self, notify: Callable[[UploadId | None], None]) -> None:
        """Look every 0.2 seconds until cancelled; call `notify` with None if another connection has committed since the
        last look. Raises sqlite3.Error.

        A look takes some microseconds and waits for no lock.
        """
        connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
        with closing(connection):
            known_version = _version(connection)
            while True:
                await asyncio.sleep(_PAUSE)
                if (version := _version(connection)) != known_version:
                    known_version = version
                    notify(None)


def _version(connection: sqlite3.Connection) -> int:
    """Return a number that changes with each commit of another connection (SQLite, `PRAGMA data_version`)."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])
