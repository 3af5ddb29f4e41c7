"""Fixtures of the engine's tests."""

from __future__ import annotations

import pytest

from tests.support.engine import Engine


@pytest.fixture
async def engine() -> Engine:
    """A checkpoint every 8 bytes, uploads that expire after 100 seconds."""
    return Engine()
