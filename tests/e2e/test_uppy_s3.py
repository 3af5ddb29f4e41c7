"""@uppy/aws-s3 6.3 and 5.1 in Node, with their bytes going straight to a real S3."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from devtools.seaweed import SeaweedFS
from tests.e2e import tusjs
from tests.e2e.conftest import Deploy
from tests.e2e.deployment import MIB, Deployment
from tests.e2e.tusjs import Event, TusJs

Start = Callable[..., AbstractAsyncContextManager[TusJs]]

PARTS = {"shouldUseMultipart": True}
WAYS = ("version 6", "version 6, signing", "version 5")


@pytest.fixture(params=WAYS)
def uppy(request: pytest.FixtureRequest, tus_js: tusjs.Start) -> Start:  # noqa: ARG001  it installs what Node needs
    """A function that starts an upload by Uppy: version 6, version 6 that signs its requests by /s3/presign, or version
    5."""
    return partial(_start, request.param)


def _start(way: str, deployment: Deployment, **settings: Any) -> AbstractAsyncContextManager[TusJs]:
    endpoint = deployment.url.rstrip("/")
    entrance = {"presign": f"{endpoint}/s3/presign"} if "signing" in way else {"endpoint": endpoint}
    script = "uppy5/uppy5.mjs" if "5" in way else "uppy6.mjs"
    return tusjs.running(script, {"name": "Größe 日本.mp4", "type": "video/mp4", **entrance, **settings})


def hosts(event: Event) -> set[tuple[str, str]]:
    """Returns the methods and hosts of the requests that XMLHttpRequest sent."""
    return {(request["method"], request["host"]) for request in event["requests"]}


@pytest.fixture
def direct(deploy: Deploy) -> AbstractAsyncContextManager[Deployment]:
    return deploy(direct_uploads=True)


@pytest.mark.parametrize("size", [1, 5 * MIB, 12 * MIB + 5])
async def test_parts_go_to_s3_alone(
    direct: AbstractAsyncContextManager[Deployment], uppy: Start, tmp_path: Path, seaweed: SeaweedFS, size: int
) -> None:
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    async with direct as deployment:
        async with uppy(deployment, file=tmp_path / "file", options=PARTS) as client:
            done = await client.until("success")
        assert deployment.stored(done["url"]) == data
        assert done["body"]["key"] == f"{tmp_path.name}/{done['url'].rpartition('/')[2]}"
        assert ("PUT", seaweed.endpoint.removeprefix("http://")) in hosts(done)
        assert ("PUT", deployment.server.origin.removeprefix("http://")) not in hosts(done)
        assert await deployment.until_received(0) == 0


@pytest.mark.parametrize("size", [1, 5 * MIB, 5 * MIB + 1, 12 * MIB + 5])
@pytest.mark.parametrize("chunk", [None, 6 * MIB + 7], ids=["as Uppy parts it", "as it is told to"])
async def test_parts_whose_lengths_are_bound(
    deploy: Deploy, uppy: Start, tmp_path: Path, size: int, chunk: int | None
) -> None:
    """With `max-size` set, an upload in parts arrives if the client tells its size; the length of each part is then
    signed."""
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    meta = {"filesize": size} | ({} if chunk is None else {"partsize": chunk})
    async with deploy(direct_uploads=True, max_size="20MiB") as deployment:
        settings = {"meta": meta, "size": size, "chunk": chunk}
        async with uppy(deployment, file=tmp_path / "file", options=PARTS, **settings) as client:
            done = await client.until("success")
        assert deployment.stored(done["url"]) == data


async def test_missing_size_is_refused_under_max_size(deploy: Deploy, uppy: Start, file: Path) -> None:
    async with deploy(direct_uploads=True, max_size="1GiB") as deployment:
        async with uppy(deployment, file=file, options=PARTS) as client:
            failed = await client.until("error")
        assert "tell the upload's size" in failed["reason"]
        assert deployment.residue() == []


@pytest.mark.parametrize("settings", [{}, {"size": 6 * MIB}], ids=["size unknown", "size told"])
async def test_a_file_in_one_request(
    direct: AbstractAsyncContextManager[Deployment], uppy: Start, tmp_path: Path, settings: dict[str, int]
) -> None:
    data = os.urandom(6 * MIB)
    (tmp_path / "file").write_bytes(data)
    async with direct as deployment:
        async with uppy(deployment, file=tmp_path / "file", **settings) as client:
            await client.until("success")
        (key,) = deployment.residue()
        url = deployment.url + key.rpartition("/")[2]
        assert await deployment.offset(url) == len(data)
        assert deployment.stored(url) == data


async def test_an_empty_file(direct: AbstractAsyncContextManager[Deployment], uppy: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    async with direct as deployment:
        async with uppy(deployment, file=tmp_path / "file") as client:
            await client.until("success")
        (key,) = deployment.residue()
        assert await deployment.offset(deployment.url + key.rpartition("/")[2]) == 0


async def test_pause_and_resume(
    direct: AbstractAsyncContextManager[Deployment], uppy: Start, data: bytes, file: Path
) -> None:
    async with direct as deployment:
        async with uppy(deployment, file=file, options=PARTS, pause=True) as client:
            done = await client.until("success")
        assert deployment.stored(done["url"]) == data


async def test_cancel_leaves_nothing(direct: AbstractAsyncContextManager[Deployment], uppy: Start, file: Path) -> None:
    async with direct as deployment:
        async with uppy(deployment, file=file, options=PARTS, cancel=True) as client:
            await client.until("end")
            await client.ended()
        assert deployment.residue() == []


async def test_another_process_goes_on(
    direct: AbstractAsyncContextManager[Deployment], uppy: Start, data: bytes, file: Path
) -> None:
    """A second Uppy process goes on with an upload from the first one's state, as Golden Retriever does after a reload
    of a page, and doesn't send all parts again."""
    async with direct as deployment:
        async with uppy(deployment, file=file, options={**PARTS, "limit": 1}) as client:
            event = await client.until("part")
        async with uppy(deployment, file=file, options=PARTS, restored=event["state"]) as client:
            done = await client.until("success")
        assert sum(request["method"] == "PUT" for request in done["requests"]) < len(data) // (5 * MIB) + 1
        assert done["url"].endswith(event["state"]["uploadId"])
        assert deployment.stored(done["url"]) == data


async def test_a_restart_of_the_server_costs_a_retry(
    direct: AbstractAsyncContextManager[Deployment], uppy: Start, data: bytes, file: Path
) -> None:
    async with direct as deployment, uppy(deployment, file=file, options=PARTS, retry=True) as client:
        await client.until("part")
        await deployment.server.kill()
        await deployment.server.start()
        done = await client.until("success")
        assert deployment.stored(done["url"]) == data
