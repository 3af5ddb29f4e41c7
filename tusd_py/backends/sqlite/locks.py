"""Locks among the processes of one machine, in a small, separate SQLite file.

The file needs no durability, so it is never synced. On Linux each boot begins a new one: a file that a power
loss may have damaged is never read again, and no lock is held after a reboot.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

from tusd_py.backends.lease import TimedLease, elapsed
from tusd_py.backends.leased_locks import SharedLocker
from tusd_py.backends.sqlite.connection import SqliteThread
from tusd_py.backends.sqlite.host import boot_id, is_gone, this_process
from tusd_py.domain.upload_id import UploadId

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS leases (
      upload_id TEXT PRIMARY KEY,
      token TEXT NOT NULL,
      process TEXT NOT NULL,
      deadline REAL NOT NULL,
      asked INTEGER NOT NULL DEFAULT FALSE
    ) WITHOUT ROWID
"""
_HOLDER = "SELECT process, deadline FROM leases WHERE upload_id = ?"
_ALL = "SELECT upload_id, process, deadline FROM leases"
_TAKE = "REPLACE INTO leases (upload_id, token, process, deadline) VALUES (?, ?, ?, ?)"
_ASK = "UPDATE leases SET asked = TRUE WHERE upload_id = ? AND NOT asked"
_ASKED = "SELECT token FROM leases WHERE process = ? AND asked"
_RENEW = "UPDATE leases SET deadline = ? WHERE upload_id = ? AND token = ?"
_ABANDON = "UPDATE leases SET deadline = 0 WHERE upload_id = ? AND token = ?"
_DROP = "DELETE FROM leases WHERE upload_id = ? AND token = ?"


class SqliteLocker(SharedLocker):
    """A locker with leases in a SQLite file next to the state's file `path`, on a local disk, named after `path` and
    the boot.

    A lease expires `ttl` seconds after it was last renewed, and at once if its holder's process is known to have ended
    (`host.is_gone`). Waiting processes poll, so the order among them is random.
    """

    retry_seconds = 0.05

    def __init__(self, path: Path, ttl: float) -> None:
        super().__init__(ttl)
        self._process = this_process()
        self._thread = SqliteThread(_of_this_boot(path), partial(_prepare, path), synchronous="OFF")

    async def aclose(self) -> None:
        await super().aclose()
        await self._thread.aclose()

    async def abandoned(self) -> Collection[UploadId]:
        return await self._thread.read(_abandoned)

    async def _take(self, lease: TimedLease, *, ask: bool) -> bool:
        row = (lease.upload_id, lease.token, self._process)
        acquired, lease.abandoned = await self._thread.write(partial(_take, row, ttl=self._ttl, ask=ask))
        return acquired

    async def _renew(self, leases: Sequence[TimedLease]) -> Collection[str]:
        keys = [(lease.upload_id, lease.token) for lease in leases]
        return await self._thread.write(partial(_renew, keys, self._ttl))

    async def _drop(self, lease: TimedLease, *, abandoned: bool) -> None:
        statement = _ABANDON if abandoned else _DROP
        await self._thread.write(partial(_drop, statement, lease.upload_id, lease.token))

    async def _release_requests(self) -> Collection[str]:
        return await self._thread.read(partial(_release_requests, self._process))


_now: Callable[[], float] = elapsed if boot_id() else time.time
"""The clock, in seconds, by which leases expire: the same in all processes."""


_SUFFIX = re.compile(r"\.(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?\.leases(?:-(?:wal|shm|journal)|\.reserve)?")
"""A pattern for the text that follows the name of the state's file in the names of lease files, of the files that
SQLite keeps next to a lease file, and of the file that reserves disk space for a lease file (`.reserve`)."""


def _of_this_boot(path: Path) -> Path:
    return path.with_name(f"{path.name}.{boot_id()}.leases")


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute(_SCHEMA)
    for file in path.parent.iterdir():
        if _is_of_another_boot(file.name, path):
            file.unlink(missing_ok=True)


def _is_of_another_boot(name: str, path: Path) -> bool:
    """Return True if `name` is that of a lease file of the state at `path`, or of a file that goes with one, left from
    another boot of the machine. Files of other states in the folder may have names that begin alike.
    """
    is_ours = name.startswith(path.name) and _SUFFIX.fullmatch(name, len(path.name))
    return bool(is_ours) and not name.startswith(_of_this_boot(path).name)


def _take(
    row: tuple[UploadId, str, str], connection: sqlite3.Connection, *, ttl: float, ask: bool
) -> tuple[bool, bool]:
    """Take the lease of the row (upload, token, process), unless another lease holds the lock: then, with `ask`, record
    a request to release it. Return two flags: True if the lease was taken, and True if it was taken and the last holder
    had never released its own."""
    upload_id, *_ = row
    holder = connection.execute(_HOLDER, (upload_id,)).fetchone()
    free = holder is None or _is_over(*holder)
    if free:
        connection.execute(_TAKE, (*row, _now() + ttl))
    elif ask:
        connection.execute(_ASK, (upload_id,))
    return free, free and holder is not None


def _is_over(process: str, deadline: float) -> bool:
    return deadline <= _now() or is_gone(process)


def _abandoned(connection: sqlite3.Connection) -> Collection[UploadId]:
    return [UploadId(upload_id) for upload_id, *holder in connection.execute(_ALL) if _is_over(*holder)]


def _renew(keys: Sequence[tuple[UploadId, str]], ttl: float, connection: sqlite3.Connection) -> Collection[str]:
    deadline = _now() + ttl
    return {token for upload_id, token in keys if connection.execute(_RENEW, (deadline, upload_id, token)).rowcount}


def _drop(statement: str, upload_id: UploadId, token: str, connection: sqlite3.Connection) -> None:
    connection.execute(statement, (upload_id, token))


def _release_requests(process: str, connection: sqlite3.Connection) -> Collection[str]:
    return {token for (token,) in connection.execute(_ASKED, (process,))}
