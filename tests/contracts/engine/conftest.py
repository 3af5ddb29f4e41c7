"""Fixtures of the engine's tests: they run against each state store."""

from __future__ import annotations

import pytest

from tests.support.harness import Harness
from tusd_py.ports.state import StateStore


@pytest.fixture
async def harness(state: StateStore) -> Harness:
    """A checkpoint every 8 bytes, uploads that expire after 100 seconds."""
    return Harness(state)
