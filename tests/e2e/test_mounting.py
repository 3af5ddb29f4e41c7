"""`create_app` as a part of another application."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import aiotus
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from devtools.ports import free_port
from devtools.seaweed import SeaweedFS
from tests.e2e.deployment import MIB
from tests.support.tus import TusClient
from tests.support.writing import random_bytes
from tusd_py import create_app
from tusd_py.config import Settings, load_settings

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
"""Ignores aiohttp's warning about large bodies in one piece, which the client library causes."""


@pytest.fixture(params=["file", "s3"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    chosen = {"state": f"sqlite:{tmp_path / 'state.db'}", "storage": f"file:{tmp_path / 'data'}"}
    if request.param == "s3":
        seaweed: SeaweedFS = request.getfixturevalue("seaweed")
        for name, value in seaweed.user.environment().items():
            monkeypatch.setenv(name, value)
        chosen |= {
            "storage": f"s3://{seaweed.bucket}/mounted",
            "s3_endpoint_url": seaweed.endpoint,
            "s3_profile": "seaweedfs",
        }
    return load_settings(chosen, None, {})


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[TestServer]:
    """An application with uploads below /media, and its own page."""
    app = web.Application()
    app.router.add_get("/", _hello)
    app.add_subapp("/media", create_app(settings))
    server = TestServer(app)
    async with server:
        yield server


async def _hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")


@pytest.mark.parametrize("size", [0, 1, 8 * MIB + 1])
async def test_an_upload_to_a_mounted_application(site: TestServer, size: int) -> None:
    url = await aiotus.upload(site.make_url("/media/files/"), io.BytesIO(random_bytes(size)))
    assert str(url).startswith(str(site.make_url("/media/files/")))
    async with aiohttp.ClientSession() as session, session.get(str(url)) as answer:
        assert await answer.read() == random_bytes(size)


async def test_a_concatenation_in_a_mounted_application(site: TestServer) -> None:
    pieces = [random_bytes(5 * MIB), random_bytes(7)]
    url = await aiotus.upload_multiple(site.make_url("/media/files/"), [io.BytesIO(piece) for piece in pieces])
    async with aiohttp.ClientSession() as session:
        async with session.get(str(url)) as answer:
            assert await answer.read() == b"".join(pieces)
        head = await TusClient(session, str(url)).head(str(url))
        assert head.headers["Upload-Concat"].startswith("final;/media/files/")


async def test_the_rest_of_the_application_is_left_alone(site: TestServer) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(site.make_url("/")) as answer:
            assert await answer.text() == "hello"
            assert "Tus-Resumable" not in answer.headers
        async with session.get(site.make_url("/media/readyz")) as answer:
            assert await answer.text() == "ready\n"


@pytest.mark.parametrize("base_path", ["/files/", "/"])
@pytest.mark.parametrize("public", [False, True])
async def test_jobs_of_a_mounted_application_are_where_it_says(
    tmp_path: Path,
    base_path: str,
    *,
    public: bool,
) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    chosen = {"state": f"sqlite:{tmp_path / 'state.db'}", "storage": f"file:{tmp_path / 'data'}", "jobs": True}
    chosen |= {"base_path": base_path} | ({"public_url": f"{origin}/media{base_path}"} if public else {})
    app = web.Application()
    app.add_subapp("/media", create_app(load_settings(chosen, None, {})))
    async with TestServer(app, port=port), aiohttp.ClientSession() as session:
        async with session.post(f"{origin}/media/exports", json={"filter": {}}) as answer:
            assert answer.status == 202
        assert answer.headers["Location"].startswith(f"{origin}/media/jobs/")
        async with session.get(answer.headers["Location"]) as job:
            assert job.status == 200
