"""tus-js-client 4.3 speaking the IETF protocol (interop versions 5 and 6), against the server in front of a real S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Deploy
from tests.e2e.deployment import MIB, Deployment
from tests.e2e.tusjs import Start, methods
from tests.support.writing import random_bytes

CREATED, APPENDED = ("POST", 201), ("PATCH", 201)

pytestmark = pytest.mark.parametrize("protocol", ["ietf-draft-03", "ietf-draft-05"])

OPTIONS: dict[str, tuple[dict[str, Any], list[tuple[str, int]]]] = {
    "plain": ({}, [CREATED, APPENDED]),
    "chunked": ({"chunkSize": 6 * MIB}, [CREATED, *[APPENDED] * 4]),
    "data in creation": ({"uploadDataDuringCreation": True}, [CREATED]),
    "data in creation, chunked": (
        {"uploadDataDuringCreation": True, "chunkSize": 8 * MIB},
        [CREATED, APPENDED, APPENDED],
    ),
    "override": ({"overridePatchMethod": True}, [CREATED, ("POST", 201)]),
    "metadata": ({"metadata": {"filename": "\u65e5\u672c.bin", "filetype": "text/html"}}, [CREATED, APPENDED]),
}


@pytest.mark.parametrize(("options", "requests"), OPTIONS.values(), ids=OPTIONS)
async def test_tus_js_uploads_this_way_too(
    deployment: Deployment,
    tus_js: Start,
    data: bytes,
    file: Path,
    protocol: str,
    options: dict[str, Any],
    requests: list[tuple[str, int]],
) -> None:
    async with tus_js(file=file, options={"endpoint": deployment.url, "protocol": protocol, **options}) as client:
        done = await client.until("success")
    assert methods(done) == requests
    assert deployment.stored(done["url"]) == data


@pytest.mark.parametrize("size", [0, 1])
async def test_small_ones_too(deployment: Deployment, tus_js: Start, tmp_path: Path, protocol: str, size: int) -> None:
    (tmp_path / "file").write_bytes(random_bytes(size))
    options = {"endpoint": deployment.url, "protocol": protocol}
    async with tus_js(file=tmp_path / "file", options=options) as client:
        done = await client.until("success")
    assert deployment.stored(done["url"]) == random_bytes(size)


async def test_an_upload_begun_this_way_is_ended_in_tus(
    deployment: Deployment, tus_js: Start, data: bytes, file: Path, tmp_path: Path, protocol: str
) -> None:
    told: dict[str, Any] = {"file": file, "urls": tmp_path / "urls"}
    options = {"endpoint": deployment.url}
    async with tus_js(**told, options={**options, "protocol": protocol}) as first:
        await first.until("progress", sent=9 * MIB)
    async with tus_js(**told, options=options) as second:
        done = await second.until("success")
    assert methods(done)[0] == ("HEAD", 200)
    assert methods(done)[1:] in ([], [("PATCH", 204)]), "all of it may have been on its way"
    assert deployment.stored(done["url"]) == data


@pytest.mark.parametrize("options", [{}, {"chunkSize": 3 * MIB}], ids=str)
async def test_it_outlives_the_server(
    deploy: Deploy, tus_js: Start, data: bytes, file: Path, protocol: str, options: dict[str, Any]
) -> None:
    told = {"protocol": protocol, **options}
    async with deploy() as deployment, tus_js(file=file, options={"endpoint": deployment.url, **told}) as client:
        await client.until("progress", sent=5 * MIB)
        await deployment.server.kill()
        await deployment.server.start()
        done = await client.until("success")
        assert deployment.stored(done["url"]) == data
