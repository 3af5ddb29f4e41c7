"""nginx and Caddy, as config/ ships them, in front of a server on a real S3."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from devtools.certificates import Certificate, certify
from devtools.part import HOST
from devtools.proxies import FRONTS, Edit, Front
from devtools.seaweed import SeaweedFS
from tests.e2e.deployment import Deployment, deployed
from tests.proxies.clients import Entrance
from tests.support.bucket import upload_id
from tests.support.parts import started


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A proxy, and the nodes behind it."""

    front: Front
    deployment: Deployment
    neighbours: list[Deployment]
    """The nodes behind the proxy other than `deployment`; empty if there are none."""

    @property
    def url(self) -> str:
        """The URL of the creation endpoint, as clients know it."""
        return self.front.url

    @property
    def origin(self) -> str:
        """The origin of the site, as clients know it."""
        return self.url.removesuffix("/files/")

    def stored(self, url: str) -> bytes:
        """Return the bytes of an upload's object, as S3 has them. Raises AssertionError unless the URL leads through
        the proxy."""
        assert url.startswith(self.url), url
        return self.deployment.stored(self.deployment.url + upload_id(url))


VERSIONS = ("--http1.1", "--http2")
"""Versions of HTTP, as options of curl."""
WATCHED: Mapping[str, Any] = {
    **dict.fromkeys(("live", "listing", "dashboard", "jobs", "plain_uploads"), True),
    "live_heartbeat": "1s",
}
"""The settings of a server that has the routes of live events, lists, the dashboard, jobs and plain uploads, and sends
listeners a heartbeat after a second of silence."""
Entrances = Mapping[str, Entrance]
Passage = Callable[..., AbstractAsyncContextManager[Way]]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certify(HOST, tmp_path_factory.mktemp("certificate"))


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=FRONTS)
async def way(
    request: pytest.FixtureRequest,
    seaweed: SeaweedFS,
    certificate: Certificate,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Way]:
    """A way through one proxy. A test that uses it runs with each proxy; all such tests share the ways, and none may
    stop one."""
    directory = tmp_path_factory.mktemp(request.param)
    async with _passage(directory, seaweed, certificate, request.param) as passage:
        yield passage


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=FRONTS)
async def watched(
    request: pytest.FixtureRequest,
    seaweed: SeaweedFS,
    certificate: Certificate,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Way]:
    """A way through one proxy to a server with the settings WATCHED (live events, lists, the dashboard, jobs, plain
    uploads). A test that uses it runs with each proxy; all such tests share the ways, and none may stop one."""
    directory = tmp_path_factory.mktemp(f"watched-{request.param}")
    async with _passage(directory, seaweed, certificate, request.param, **WATCHED) as way:
        yield way


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def entrances(
    seaweed: SeaweedFS, certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Entrances]:
    """The entrances to one server, by name: `direct`, and each proxy."""
    directory = tmp_path_factory.mktemp("entrances")
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(deployed(directory, seaweed, directory.name, behind_proxy=True))
        by_name = {"direct": Entrance(url=node.url, authority=None, stored=node.stored)}
        for kind in FRONTS:
            front = started(FRONTS[kind](directory / kind, certificate, [node.server.port]))
            way = Way(front=stack.enter_context(front), deployment=node, neighbours=[])
            by_name[kind] = Entrance(url=way.url, authority=certificate.authority, stored=way.stored)
        yield by_name


@pytest.fixture(params=FRONTS)
def passage(request: pytest.FixtureRequest, seaweed: SeaweedFS, certificate: Certificate, tmp_path: Path) -> Passage:
    """A function that returns the context of a way through one proxy, for this test alone; the test runs with each
    proxy. `nodes` is the number of nodes, `edit` changes the text of the proxy's configuration, other keywords are
    settings of the nodes."""
    return partial(_passage, tmp_path, seaweed, certificate, request.param)


@asynccontextmanager
async def _passage(
    directory: Path,
    seaweed: SeaweedFS,
    certificate: Certificate,
    kind: str,
    *,
    edit: Edit = str,
    nodes: int = 1,
    **settings: object,
) -> AsyncIterator[Way]:
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(deployed(directory, seaweed, directory.name, behind_proxy=True, **settings))
            for _ in range(nodes)
        ]
        engine = [server.server.port for server in servers]
        front = stack.enter_context(started(FRONTS[kind](directory / kind, certificate, engine, edit)))
        yield Way(front=front, deployment=servers[0], neighbours=servers[1:])
