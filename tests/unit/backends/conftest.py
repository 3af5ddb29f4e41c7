"""Fixtures of the tests of backends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tusd_py.backends.sqlite.state import SqliteState


@pytest.fixture(autouse=True)
def patience(patient_with_redis: None) -> None:
    """Give Redis more time to answer, in each test."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the place of a SQLite file."""
    return tmp_path / "state.db"


@pytest.fixture
async def state(path: Path) -> AsyncIterator[SqliteState]:
    """Yield a SQLite state in the file `path`. Test modules override this fixture if they need another state."""
    store = SqliteState(path)
    yield store
    await store.aclose()
