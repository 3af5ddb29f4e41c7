"""tus-js-client 4.3 in Node, in each protocol it speaks and with options that change what it sends.

The server is in front of a real S3. `ietf-draft-03` and `-05` are interop versions 5 and 6.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.conftest import Deploy
from tests.e2e.deployment import MIB, SIZES, Deployment
from tests.e2e.tusjs import Event, Start, methods
from tests.support.logins import JWT, bearing
from tests.support.tus import TusClient
from tests.support.writing import random_bytes

CREATED, APPENDED = ("POST", 201), ("PATCH", 204)

PROTOCOLS = {"tus-v1": 204, "ietf-draft-03": 201, "ietf-draft-05": 201}
"""The protocols of tus-js-client, each with the status of an append that succeeds."""
IETF = [protocol for protocol in PROTOCOLS if protocol != "tus-v1"]

OPTIONS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "plain": ({}, ["POST", "PATCH"]),
    "chunked": ({"chunkSize": 6 * MIB}, ["POST", *["PATCH"] * 4]),
    "data in creation": ({"uploadDataDuringCreation": True}, ["POST"]),
    "data in creation, chunked": ({"uploadDataDuringCreation": True, "chunkSize": 8 * MIB}, ["POST", *["PATCH"] * 2]),
    "override": ({"overridePatchMethod": True}, ["POST", "POST"]),
    "metadata": ({"metadata": {"filename": "日本語 🎉.bin", "empty": "", "filetype": "text/html"}}, ["POST", "PATCH"]),
    "headers": ({"headers": {"Authorization": "Bearer x", "X-Own": "1"}}, ["POST", "PATCH"]),
}
"""Options of tus-js-client, each with the methods of the requests that it then sends for 20 MiB: a creation, then
appends."""


@pytest.mark.parametrize(
    ("protocol", "size"), [("tus-v1", size) for size in SIZES] + [(p, s) for p in IETF for s in (0, 1)]
)
async def test_tus_js_uploads(deployment: Deployment, tus_js: Start, tmp_path: Path, protocol: str, size: int) -> None:
    (tmp_path / "file").write_bytes(random_bytes(size))
    options = {"endpoint": deployment.url, "protocol": protocol}
    async with tus_js(file=tmp_path / "file", options=options) as client:
        done = await client.until("success")
    assert deployment.stored(done["url"]) == random_bytes(size)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("options", "requests"), OPTIONS.values(), ids=OPTIONS)
async def test_tus_js_sends_what_its_options_say(
    deployment: Deployment,
    tus_js: Start,
    data: bytes,
    file: Path,
    protocol: str,
    options: dict[str, Any],
    requests: list[str],
) -> None:
    async with tus_js(file=file, options={"endpoint": deployment.url, "protocol": protocol, **options}) as client:
        done = await client.until("success")
    statuses = [201, *[PROTOCOLS[protocol]] * (len(requests) - 1)]
    assert methods(done) == list(zip(requests, statuses, strict=True))
    assert deployment.stored(done["url"]) == data


async def test_the_id_of_a_request_comes_back(deployment: Deployment, tus_js: Start, file: Path) -> None:
    async with tus_js(file=file, options={"endpoint": deployment.url, "addRequestId": True}) as client:
        done = await client.until("success")
    ids = [request["told"]["X-Request-ID"] for request in done["requests"]]
    assert len({*ids}) == 2
    assert None not in ids


@pytest.mark.parametrize("parallel", [2, 3, 7])
async def test_tus_js_uploads_in_parallel(
    deployment: Deployment, tus_js: Start, data: bytes, file: Path, parallel: int
) -> None:
    options = {"endpoint": deployment.url, "parallelUploads": parallel, "metadata": {"filename": "whole"}}
    async with tus_js(file=file, options=options) as client:
        done = await client.until("success")
    assert sorted(methods(done)) == [*[APPENDED] * parallel, *[CREATED] * (parallel + 1)]
    assert deployment.stored(done["url"]) == data


@pytest.mark.parametrize("size", [5 * MIB, 20 * MIB + 17], ids=["one chunk", "four chunks"])
async def test_tus_js_uploads_a_stream_whose_length_shows_at_its_end(
    deployment: Deployment, tus_js: Start, tmp_path: Path, size: int
) -> None:
    (tmp_path / "file").write_bytes(random_bytes(size))
    options = {"endpoint": deployment.url, "uploadLengthDeferred": True, "chunkSize": 6 * MIB}
    async with tus_js(file=tmp_path / "file", stream=True, options=options) as client:
        done = await client.until("success")
    assert deployment.stored(done["url"]) == random_bytes(size)


async def test_terminated_upload_leaves_nothing(deploy: Deploy, tus_js: Start, file: Path) -> None:
    async with deploy() as deployment:
        async with tus_js(file=file, stopAt=9 * MIB, terminate=True, options={"endpoint": deployment.url}) as client:
            event = await client.until("left")
        assert methods(event)[-1] == ("DELETE", 204)
        assert await _status(event) == 404
        assert deployment.residue() == []


async def test_tus_js_goes_on_in_another_process(
    deployment: Deployment, tus_js: Start, data: bytes, file: Path, tmp_path: Path
) -> None:
    settings, options = {"file": file, "urls": tmp_path / "urls"}, {"endpoint": deployment.url}
    async with tus_js(**settings, dieAt=9 * MIB, options={**options, "chunkSize": MIB}) as first:
        interrupted = await first.until("progress", sent_bytes=9 * MIB)
    async with tus_js(**settings, options=options) as second:
        done = await second.until("success")
    assert methods(done) == [("HEAD", 200), APPENDED]
    assert done["url"] == interrupted["url"]
    assert deployment.stored(done["url"]) == data


@pytest.mark.parametrize("in_second", [False, True], ids=["in its process", "in another process"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_tus_js_keeps_its_place_through_a_token_that_expires(
    deploy: Deploy, tus_js: Start, data: bytes, file: Path, tmp_path: Path, protocol: str, *, in_second: bool
) -> None:
    token = tmp_path / "token"
    settings = {"file": file, "urls": tmp_path / "urls", "token": token}
    async with deploy(**JWT) as deployment:
        options = {"endpoint": deployment.url, "protocol": protocol, "chunkSize": MIB}
        token.write_text(_credential(exp=int(time.time()) + 60))
        lapse = {"lapseAt": 5 * MIB, "lapsed": _credential(exp=1)}
        async with tus_js(**settings, **lapse, options=options) as first:
            refused = await first.until("refused")
            if not in_second:
                token.write_text(_credential())
            done = None if in_second else await first.until("success")
        if in_second:
            async with tus_js(**settings, options=options) as second:
                refused = await second.until("refused")
                token.write_text(_credential())
                done = await second.until("success")
        assert done is not None
        assert methods(refused)[-1] == ("PATCH", 401)
        assert [method for method, _ in methods(done)].count("POST") == (0 if in_second else 1)
        assert all(status < 300 for method, status in methods(done) if method == "HEAD")
        assert deployment.stored(done["url"]) == data


def _credential(**claims: object) -> str:
    return bearing("alice", **claims)["Authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize("protocol", IETF)
async def test_upload_continues_in_the_other_protocol(
    deployment: Deployment, tus_js: Start, data: bytes, file: Path, tmp_path: Path, protocol: str
) -> None:
    settings: dict[str, Any] = {"file": file, "urls": tmp_path / "urls"}
    options = {"endpoint": deployment.url}
    async with tus_js(**settings, options={**options, "protocol": protocol}) as first:
        await first.until("progress", sent_bytes=9 * MIB)
    async with tus_js(**settings, options=options) as second:
        done = await second.until("success")
    assert methods(done)[0] == ("HEAD", 200)
    assert methods(done)[1:] in ([], [APPENDED]), "every byte may have been in flight"
    assert deployment.stored(done["url"]) == data


@pytest.mark.parametrize(
    ("end", "options"),
    [
        (signal.SIGKILL, {}),
        (signal.SIGKILL, {"chunkSize": 3 * MIB}),
        (signal.SIGKILL, {"parallelUploads": 3, "chunkSize": MIB}),
        (signal.SIGTERM, {}),
        (signal.SIGTERM, {"parallelUploads": 3, "chunkSize": MIB}),
        *(
            (signal.SIGKILL, {"protocol": protocol, **chunks})
            for protocol in IETF
            for chunks in ({}, {"chunkSize": 3 * MIB})
        ),
    ],
    ids=str,
)
async def test_an_upload_by_tus_js_outlives_the_server(
    deploy: Deploy, tus_js: Start, data: bytes, file: Path, end: signal.Signals, options: dict[str, Any]
) -> None:
    patient = {"retryDelays": [0] + [500] * 120, **options}
    async with deploy() as deployment, tus_js(file=file, options={"endpoint": deployment.url, **patient}) as client:
        await client.until("progress", sent_bytes=5 * MIB)
        if end is signal.SIGKILL:
            await deployment.server.kill()
        else:
            assert await deployment.server.stop() == 0
        await deployment.server.start()
        done = await client.until("success")
        assert deployment.stored(done["url"]) == data
        assert all(status < 300 or status == 503 for _, status in methods(done))


async def _status(event: Event) -> int:
    async with aiohttp.ClientSession() as session:
        return (await TusClient(session, event["url"]).head(event["url"])).status
