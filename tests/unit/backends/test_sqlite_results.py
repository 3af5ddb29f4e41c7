"""The results of reads in the thread of a SQLite connection: they may be long lists, so the thread doesn't keep
them."""

from __future__ import annotations

import gc
import sqlite3
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from tusd_py.backends.sqlite.connection import SqliteThread


class Result:
    """A result of a read, which a weak reference can follow."""

    def __init__(self, _: sqlite3.Connection) -> None: ...


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Switch off the collection of cycles during the test, as a server collects them rarely."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
async def test_a_result_is_kept_no_longer_than_its_reader_keeps_it(tmp_path: Path) -> None:
    thread = SqliteThread(tmp_path / "state.db", lambda _: None)
    reference = weakref.ref(await thread.read(Result))
    for _ in range(2):  # the thread has the last job until the next one
        await thread.read(lambda _: None)
    assert reference() is None
    await thread.aclose()
