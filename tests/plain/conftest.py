"""Servers that take plain uploads, on disk and on S3, and a look at all that they hold."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from devtools.seaweed import SeaweedFS
from tests.plain.forms import PlainClient
from tests.support.bucket import Bucket
from tests.support.server import Server, serving

KIB = 1024
MAX_SIZE, MAX_FILES = 400 * KIB, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A running server, and all that its storage and its state hold of uploads."""

    server: Server
    stored: Callable[[], list[str]]
    state: Path

    def contents(self) -> tuple[list[str], int]:
        """Return the sorted names of what the storage holds of uploads (files on disk; keys and open multipart uploads
        in S3), and the number of records."""
        return sorted(self.stored()), self._records()

    def _records(self) -> int:
        with closing(sqlite3.connect(self.state)) as database:
            return int(database.execute("SELECT count(*) FROM uploads").fetchone()[0])


Open = Callable[..., AbstractAsyncContextManager[Place]]


@pytest.fixture(scope="session", params=["disk", "s3"])
def storage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def start(storage: str, request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """A function that starts a server with the settings it is given, and yields its Place in an `async with`."""
    seaweed = request.getfixturevalue("seaweed") if storage == "s3" else None
    return partial(_opened, tmp_path, seaweed)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def place(
    storage: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    """One place for each storage, for all tests of this directory that ask for it; none may stop it. It takes uploads
    of at most 400 KiB and forms of at most 20 files, and its log must have no traceback at the end."""
    seaweed = request.getfixturevalue("seaweed") if storage == "s3" else None
    settings = {"max_size": MAX_SIZE, "plain_max_files": MAX_FILES}
    async with _opened(tmp_path_factory.mktemp("plain"), seaweed, **settings) as place:
        yield place
        assert "Traceback" not in place.server.log(), place.server.log()


@pytest_asyncio.fixture(loop_scope="session")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


@pytest.fixture
def client(place: Place, session: aiohttp.ClientSession) -> PlainClient:
    return PlainClient(session, place.server.url)


@asynccontextmanager
async def _opened(directory: Path, seaweed: SeaweedFS | None, **settings: Any) -> AsyncIterator[Place]:
    chosen: dict[str, Any] = {"plain_uploads": True, **settings}
    if seaweed is None:
        async with serving(directory, **chosen) as server:
            yield Place(server=server, stored=partial(_files, directory / "data"), state=directory / "data/state.db")
        return
    bucket = Bucket(seaweed)
    async with serving(
        directory, environment=bucket.environment, **{**bucket.settings, "part_size": "5MiB", **chosen}
    ) as server:
        yield Place(server=server, stored=bucket.residue, state=directory / "data/state.db")


def _files(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*") if path.is_file() and not _is_ours(path.relative_to(root))]


def _is_ours(path: Path) -> bool:
    """Return True if the path, relative to the storage's folder, is a file of the state or the installation's id, which
    belong to no upload."""
    return path.name.startswith("state.db") or path == Path(".tusd-py/installation")
