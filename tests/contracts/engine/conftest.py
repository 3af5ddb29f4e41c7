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
    """An engine on each state in turn, with a clock set by hand and ports that fail when told to (`Harness`): its
    storage records a checkpoint once 8 bytes are unrecorded, and open uploads expire after 100 seconds."""
    return Harness(state)


@pytest.fixture
def access(harness: Harness) -> ScriptedAccess:
    """A stand-in for the port that signs clients' requests to the storage, which remembers what it signed. With this
    fixture, the engine of `harness` takes direct uploads."""
    return direct(harness)


@pytest.fixture
async def upload(harness: Harness, access: ScriptedAccess) -> Upload:
    """A direct upload that is begun, open for parts and without a length."""
    del access
    return await begin(harness.engine, Begin(mode=DirectMode.PARTS))
