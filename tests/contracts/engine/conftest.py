"""Fixtures of the engine's tests: they run against each state store."""

from __future__ import annotations

import pytest

from tests.support.direct_access import ScriptedAccess, direct
from tests.support.harness import Harness
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.intents import Begin
from tusd_py.domain.upload import Upload
from tusd_py.engine.direct import begin
from tusd_py.ports.state import StateStore


@pytest.fixture
async def harness(state: StateStore) -> Harness:
    """A harness on each state, with a checkpoint every 8 bytes and uploads that expire after 100 seconds."""
    return Harness(state)


@pytest.fixture
def access(harness: Harness) -> ScriptedAccess:
    """The scripted access of a harness whose storage takes bytes from clients directly."""
    return direct(harness)


@pytest.fixture
async def upload(harness: Harness, access: ScriptedAccess) -> Upload:
    """A direct upload that is begun, open for parts and without a length."""
    del access
    return await begin(harness.engine, Begin(mode=DirectMode.PARTS))
