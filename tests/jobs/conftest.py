"""Servers that do jobs, on each state, and clients that ask for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import pytest

from tests.jobs.asking import JobClient
from tests.support.installation import STATES, Start, installation, state_setting


@pytest.fixture(params=STATES)
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Mapping[str, str]:
    """The setting `state`, for a state of each kind."""
    return state_setting(request, tmp_path, request.param)


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """A function that makes servers of one installation, not yet started, with jobs enabled and the state in memory
    unless the call's settings say otherwise; the servers are killed at the end."""
    async with installation(tmp_path, jobs=True) as start:
        yield start


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one command, `wait`, which appends its process id to the file `begun` in `tmp_path`, waits until
    the file `end` exists there, and then prints the number of bytes of its input."""
    commands = tmp_path / "commands"
    commands.mkdir()
    script = f'#!/bin/sh\necho "$$" >> {tmp_path}/begun\nwhile [ ! -e {tmp_path}/end ]; do sleep 0.1; done\nwc -c\n'
    (commands / "wait").write_text(script)
    (commands / "wait").chmod(0o755)
    return commands


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


@pytest.fixture
async def client(start: Start, session: aiohttp.ClientSession) -> JobClient:
    """The client of a running server whose state is in memory."""
    server = start()
    await server.start()
    return JobClient(session, server)
