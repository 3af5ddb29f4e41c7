"""Running servers on local disk or S3, and what they have stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from devtools.seaweed import SeaweedFS
from tests.support.bucket import Bucket, upload_id
from tests.support.s3proxy import S3Proxy
from tests.support.server import Server, serving
from tests.support.tus import TusClient

Traces = Callable[[str], list[str]]

LEAKS = ("never awaited", "was destroyed but it is pending", "never retrieved", "Unclosed", "ResourceWarning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A server and a look into its storage."""

    server: Server
    traces: Traces
    """A function from an upload's URL to the names that have the upload's id in them: of files and folders, or of S3
    objects and, each after the word `multipart`, open multipart uploads."""

    async def stop(self) -> None:
        """Stop the server with SIGTERM; fail unless it exits with 0 and its log has no traceback and no sign of a
        leak."""
        assert await self.server.stop() == 0, self.server.log()
        log = self.server.log()
        assert not [leak for leak in ("Traceback", *LEAKS) if leak in log], log


@asynccontextmanager
async def local_site(directory: Path, **settings: Any) -> AsyncIterator[Site]:
    """A server on local disk and SQLite that runs while the block lasts."""
    async with serving(directory, **settings) as server:
        yield Site(server=server, traces=_files(directory / "data"))


@asynccontextmanager
async def s3_site(directory: Path, seaweed: SeaweedFS, **settings: Any) -> AsyncIterator[Site]:
    """A server on S3 and SQLite that runs while the block lasts, below its own prefix. Parts have the least size that
    S3 allows, unless the settings say otherwise."""
    bucket = Bucket(seaweed)
    chosen = {**bucket.settings, "part_size": "5MiB", **settings}
    async with serving(directory, environment=bucket.environment, **chosen) as server:
        yield Site(server=server, traces=bucket.traces)


def local(name: str, **settings: Any) -> Any:
    """Return a fixture: one server on local disk for the whole session. A test that stops it must start it again."""

    @pytest_asyncio.fixture(scope="session", loop_scope="session", name=name)
    async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
        async with local_site(tmp_path_factory.mktemp(name), debug=True, **settings) as running:
            yield running
            await running.stop()

    return site


def on_s3(name: str, **settings: Any) -> Any:
    """Return a fixture: one server for the whole session, which reaches S3 through the fixture `s3_proxy`. A test that
    stops the server must start it again."""

    @pytest_asyncio.fixture(scope="session", loop_scope="session", name=name)
    async def site(
        tmp_path_factory: pytest.TempPathFactory, seaweed: SeaweedFS, s3_proxy: S3Proxy
    ) -> AsyncIterator[Site]:
        where = {"s3_endpoint_url": s3_proxy.endpoint}
        async with s3_site(tmp_path_factory.mktemp(name), seaweed, debug=True, **where, **settings) as running:
            yield running
            await running.stop()

    return site


def client(kind: type[TusClient], site: str) -> Any:
    """A fixture: this kind of client, that talks to the server whose fixture is `site`."""

    @pytest.fixture
    def tus_client(request: pytest.FixtureRequest, session: aiohttp.ClientSession) -> TusClient:
        return kind(session, request.getfixturevalue(site).server.url)

    return tus_client


def _files(root: Path) -> Traces:
    return lambda url: [str(path.relative_to(root)) for path in root.rglob(f"*{upload_id(url)}*")]
