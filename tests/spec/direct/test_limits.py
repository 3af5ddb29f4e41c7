"""Direct uploads count for the limits of creations, of unfinished uploads and of their bytes, as all others do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from devtools.seaweed import SeaweedFS
from tests.support.direct import DirectClient
from tests.support.exchange import Answer
from tests.support.sites import s3_site
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILE = {"filename": "f", "type": ""}


async def creations(direct: DirectClient) -> list[Answer]:
    """Try to create four direct uploads: by `multipart`, by `params`, and by `presign` for POST and for PUT; return the
    answers."""
    return [
        await direct.ask("POST", "multipart", FILE),
        await direct.ask("GET", "params", **FILE),
        await direct.presign(method="POST", key="k"),
        await direct.presign(method="PUT", key="k"),
    ]


@pytest_asyncio.fixture(loop_scope="session")
async def limited(
    seaweed: SeaweedFS, tmp_path: Path, session: aiohttp.ClientSession, request: pytest.FixtureRequest
) -> AsyncIterator[DirectClient]:
    async with s3_site(tmp_path, seaweed, direct_uploads=True, **request.param) as site:
        yield DirectClient(session, site.server.url)
        await site.stop()


@pytest.mark.parametrize("limited", [{"max_client_creations": "5/h"}], indirect=True)
async def test_creations_by_each_route_are_counted_and_nothing_else_is(
    limited: DirectClient, session: aiohttp.ClientSession
) -> None:
    upload = await limited.begin()
    assert [answer.status for answer in await creations(limited)] == [200] * 4
    for refused in await creations(limited):
        assert (refused.status, refused.reason) == (429, "too many new uploads from your address; try again later")
        assert 0 < int(refused.headers["Retry-After"]) <= 720
    assert (await TusClient(session, limited.files).post(upload_length=1)).status == 429
    assert (await limited.complete(upload, await limited.parts(upload, b"hello"))).status == 200


@pytest.mark.parametrize("limited", [{"max_open_uploads": 1}], indirect=True)
async def test_they_are_unfinished_until_they_are_complete(limited: DirectClient) -> None:
    upload = await limited.begin()
    for refused in await creations(limited):
        assert (refused.status, refused.headers["Retry-After"]) == (503, "30")
        assert refused.reason.startswith("there are too many unfinished uploads")
    assert (await limited.complete(upload, await limited.parts(upload, b"hello"))).status == 200


@pytest.mark.parametrize("limited", [{"max_open_bytes": "1MiB"}], indirect=True)
async def test_what_they_declare_counts(limited: DirectClient) -> None:
    await limited.begin(size=600_000)
    assert (await limited.ask("POST", "multipart", {**FILE, "size": 600_000})).status == 503
    assert (await limited.ask("POST", "multipart", {**FILE, "size": 2 * 1024 * 1024})).status == 413
