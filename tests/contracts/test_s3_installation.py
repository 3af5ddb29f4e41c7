"""An installation's id counts as absent only if S3 itself says NoSuchKey; another 404 raises StorageUnavailable."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tusd_py.domain.errors import StorageUnavailable
from tusd_py.ports.meter import Meter
from tusd_py.storage.s3.grid import MIB
from tusd_py.storage.s3.options import S3Options
from tusd_py.storage.s3.storage import S3Storage
from tusd_py.transfer.budget import Budget

OWN = "<Error><Code>NoSuchKey</Code></Error>"


async def read_id(answer: str, monkeypatch: pytest.MonkeyPatch) -> str | None:
    async def missing(_: web.Request) -> web.Response:
        return web.Response(status=404, text=answer)

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    app = web.Application()
    app.router.add_route("*", "/{key:.*}", missing)
    async with TestServer(app) as s3:
        options = S3Options(bucket="uploads", endpoint_url=str(s3.make_url("")), addressing_style="path")
        storage = await S3Storage.open(options, Budget(64 * MIB), Meter())
        try:
            return await storage.installation()
        finally:
            await storage.aclose()


async def test_s3_says_that_it_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await read_id(OWN, monkeypatch) is None


@pytest.mark.parametrize("answer", ["404 page not found", "", "<Error><Code>NoSuchBucket</Code></Error>"])
async def test_another_404_says_nothing(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StorageUnavailable):
        await read_id(answer, monkeypatch)
