"""Fixtures of the engine's tests: they run against each state store."""

from __future__ import annotations

import pytest

from tests.support.engine import Engine
from tusd_py.state.base import StateStore


@pytest.fixture
async def engine(state: StateStore) -> Engine:
    """A checkpoint every 8 bytes, uploads that expire after 100 seconds."""
    return Engine(state)
