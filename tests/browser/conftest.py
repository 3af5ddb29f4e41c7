"""The server with its page in front of a real S3, a relay that tests can stop (`Valve`), and a visitor with a
browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from devtools.pages import bundle, site
from devtools.seaweed import SeaweedFS
from tests.browser.visitor import Visitor, visiting_in_peace
from tests.e2e.deployment import Deployment, deployed
from tests.support.valve import Valve

PAGES = Path(__file__).parent / "pages"

Deploy = Callable[..., AbstractAsyncContextManager[Deployment]]


@pytest.fixture
def deploy(seaweed: SeaweedFS, tmp_path: Path) -> Deploy:
    """Return a function that takes settings of the server and returns an async context manager: a deployment with the
    page, for this test alone, which runs while the block lasts. Parts are as small as S3 allows, 5 MiB."""
    return partial(deployed, tmp_path, seaweed, tmp_path.name, ui=True, part_size="5MiB")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def deployment(seaweed: SeaweedFS, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    """A deployment that many tests share, so that no test may stop it."""
    async with deployed(tmp_path_factory.mktemp("deployment"), seaweed, "page", ui=True, part_size="5MiB") as shared:
        yield shared


@pytest_asyncio.fixture(loop_scope="session")
async def valve(deployment: Deployment) -> AsyncIterator[Valve]:
    async with Valve(deployment.server.port) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser) -> AsyncIterator[Visitor]:
    async with visiting_in_peace(browser) as one:
        yield one


@pytest.fixture(scope="session")
def film(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a file `film.mp4` that holds `data`."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    path.write_bytes(data)
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The origin, another than the server's, that serves the bundled pages of tests/browser/pages."""
    directory = tmp_path_factory.mktemp("pages")
    for script in PAGES.glob("*.js"):
        bundle(script, directory)
    async with site(directory) as origin:
        yield origin
