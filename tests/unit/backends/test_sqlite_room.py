"""The reserve of a disk: all writes but a new upload may take it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.uploads import upload
from tusd_py.backends.sqlite.connection import SqliteThread
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.domain.errors import StateFull
from tusd_py.domain.space import Space


async def test_only_a_creation_needs_more_than_the_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = SqliteState(tmp_path / "state.db")
    created = await state.create(upload())
    monkeypatch.setattr(SqliteThread, "_space", lambda *_: Space(free=1, reserve=2))
    with pytest.raises(StateFull):
        await state.create(upload(2))
    await state.delete(await state.rewind(await state.save(created, [{"part": 1}]), []))
    assert await state.list(None, 10) == []
    await state.aclose()
