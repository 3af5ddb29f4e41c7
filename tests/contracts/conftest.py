"""Fixtures of the contract suites."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.contracts.examples import Run
from tests.support.events import ALL, ENDS, KEPT
from tests.support.storages import STORAGES, Bench
from tusd_py.ports.outbox import Outbox
from tusd_py.ports.state import StateStore


@pytest.fixture(autouse=True)
def patience(patient_with_redis: None) -> None:
    """Give Redis more time to answer, in each test."""


@pytest.fixture(params=STORAGES)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """A storage of the test alone, with the facts about it that tests need: one of each adapter and configuration in
    `STORAGES`, in turn."""
    async with STORAGES[request.param](request) as opened:
        yield opened


@pytest.fixture
async def outbox(state: StateStore) -> Outbox:
    """Return the outbox of each state in turn, with two sinks registered: one for all events, and one for terminated
    and expired uploads."""
    assert state.outbox is not None
    await state.outbox.register([ALL, ENDS])
    return state.outbox


@pytest.fixture
async def feed(state: StateStore) -> Outbox:
    """Return the outbox of each state in turn, with the feed alone registered: events are kept and delivered to no
    sink."""
    assert state.outbox is not None
    await state.outbox.register([KEPT])
    return state.outbox


@pytest.fixture
async def run() -> Run:
    """Return a function that runs the coroutine of one Hypothesis example to its end, on the event loop in which the
    fixtures opened the storage."""
    return asyncio.get_running_loop().run_until_complete
