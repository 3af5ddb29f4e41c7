"""/readyz for many clients: the stores are checked once in some seconds; a full store and a drain show at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from tusd_py.config import Settings
from tusd_py.config.places import LocalDirectory, MemoryState
from tusd_py.domain.errors import StateUnavailable, StorageUnavailable
from tusd_py.http.context import CONTEXT, Context
from tusd_py.server import app as app_module
from tusd_py.server.app import create_app

Asker = TestClient[Request, Application]


@pytest.fixture
async def asker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Asker]:
    """A client of a server that checks its stores once: the result counts for an hour."""
    monkeypatch.setattr(app_module, "_READY_SECONDS", 3600.0)
    settings = Settings(storage=LocalDirectory(tmp_path / "data"), state=MemoryState())
    async with TestClient(TestServer(create_app(settings))) as client:
        yield client


def context(asker: Asker) -> Context:
    assert asker.app is not None
    return asker.app[CONTEXT]


async def probe(asker: Asker) -> tuple[int, str]:
    async with asker.get("/readyz") as answer:
        return answer.status, await answer.text()


async def away() -> None:
    raise StorageUnavailable


async def test_a_hundred_that_ask_are_one_look(asker: Asker) -> None:
    engine, looks = context(asker).engine, 0

    async def ping() -> None:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)

    engine.storage.ping = ping  # type: ignore[method-assign]
    assert {await answer for answer in asyncio.as_completed([probe(asker) for _ in range(100)])} == {(200, "ready\n")}
    assert await probe(asker) == (200, "ready\n")
    assert looks == 1


async def test_what_was_missing_is_said_to_all_who_ask(asker: Asker) -> None:
    engine = context(asker).engine
    engine.storage.ping = away  # type: ignore[method-assign]
    for _ in range(2):
        assert await probe(asker) == (503, "not ready: storage\n")


async def test_an_installation_that_is_not_known_is_missing(asker: Asker) -> None:
    async def unknown() -> None:
        raise StateUnavailable

    context(asker).engine.state.installation = unknown  # type: ignore[method-assign]
    assert await probe(asker) == (503, "not ready: installation\n")


async def test_that_it_drains_or_is_full_shows_at_once(asker: Asker) -> None:
    assert await probe(asker) == (200, "ready\n")
    context(asker).engine.free_space.full.add("state")
    assert await probe(asker) == (503, "not ready: state is full\n")
    context(asker).concurrency.close()
    assert await probe(asker) == (503, "not ready: draining, state is full\n")
