"""Servers with `live` enabled, on each state, and a client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import pytest

from tests.support.installation import STATES, Start, installation, state_setting
from tests.support.server import Server
from tests.support.tus import TusClient


@pytest.fixture(params=STATES)
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Mapping[str, str]:
    """The setting `state`, for a state of each kind."""
    return state_setting(request, tmp_path, request.param)


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """A function that makes servers of one installation, not yet started, with `live` enabled and the state in memory
    unless the call's settings say otherwise; the servers are killed at the end."""
    async with installation(tmp_path, live=True) as start:
        yield start


@pytest.fixture
async def server(start: Start, state: Mapping[str, str]) -> Server:
    started = start(**state)
    await started.start()
    return started


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


@pytest.fixture
def client(server: Server, session: aiohttp.ClientSession) -> TusClient:
    return TusClient(session, server.url)
