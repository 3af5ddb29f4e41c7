"""tus-js-client in Chromium, in a page of another origin, with most of the options that change what it sends."""

from __future__ import annotations

import functools
import hashlib
from base64 import b64decode
from typing import Any

import aiohttp
import pytest

from tests.browser.visitor import Visitor
from tests.e2e.deployment import Deployment
from tests.support.valve import MIB

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZE = 12 * MIB + 17
CREATED, APPENDED, COMPLETED = ["POST", 201], ["PATCH", 204], ["PATCH", 201]
DRAFT = {"protocol": "ietf-draft-03"}, {"protocol": "ietf-draft-05"}
UPLOAD = "([size, options, more]) => upload(size, options, more)"

OPTIONS: dict[str, tuple[dict[str, Any], list[list[object]]]] = {
    "plain": ({}, [CREATED, APPENDED]),
    "chunked": ({"chunkSize": 5 * MIB}, [CREATED, *[APPENDED] * 3]),
    "data in creation": ({"uploadDataDuringCreation": True}, [CREATED]),
    "override": ({"overridePatchMethod": True}, [CREATED, ["POST", 204]]),
    "request ids": ({"addRequestId": True}, [CREATED, APPENDED]),
    "metadata": ({"metadata": {"filename": "日本語 🎉.bin", "empty": ""}}, [CREATED, APPENDED]),
    "headers": ({"headers": {"Authorization": "Bearer x"}}, [CREATED, APPENDED]),
    "draft 03": (DRAFT[0], [CREATED, COMPLETED]),
    "draft 05": (DRAFT[1], [CREATED, COMPLETED]),
    "draft 05, data in creation": ({**DRAFT[1], "uploadDataDuringCreation": True}, [CREATED]),
}


@functools.cache
def pattern(size: int) -> bytes:
    """Return the bytes that the page with tus-js-client uploads when it is told to upload `size` bytes."""
    return bytes((n * 31 + n // 251) & 255 for n in range(size))


@pytest.mark.parametrize(("options", "requests"), OPTIONS.values(), ids=OPTIONS)
async def test_tus_js_uploads(
    deployment: Deployment,
    elsewhere: str,
    visitor: Visitor,
    options: dict[str, Any],
    requests: list[list[object]],
) -> None:
    done = await upload(visitor, elsewhere, deployment, SIZE, **options)
    assert done["requests"] == requests
    assert deployment.content(done["url"]) == pattern(SIZE)


@pytest.mark.parametrize("options", [{}, *DRAFT, {"uploadDataDuringCreation": True}], ids=str)
async def test_tus_js_uploads_an_empty_file(
    deployment: Deployment, elsewhere: str, visitor: Visitor, options: dict[str, Any]
) -> None:
    done = await upload(visitor, elsewhere, deployment, 0, **options)
    assert deployment.content(done["url"]) == b""


async def test_tus_js_uploads_in_parallel(deployment: Deployment, elsewhere: str, visitor: Visitor) -> None:
    done = await upload(visitor, elsewhere, deployment, SIZE, parallelUploads=3)
    assert sorted(done["requests"]) == [*[APPENDED] * 3, *[CREATED] * 4]
    assert deployment.content(done["url"]) == pattern(SIZE)


@pytest.mark.parametrize("size", [SIZE, 10 * MIB], ids=["a last chunk", "no bytes in the last request"])
async def test_tus_js_uploads_a_stream_whose_length_shows_at_its_end(
    deployment: Deployment, elsewhere: str, visitor: Visitor, size: int
) -> None:
    options = {"uploadLengthDeferred": True, "chunkSize": 5 * MIB}
    done = await upload(visitor, elsewhere, deployment, size, {"stream": True}, **options)
    assert deployment.content(done["url"]) == pattern(size)


async def test_the_browser_reads_back_what_tus_js_sent(
    deployment: Deployment, elsewhere: str, visitor: Visitor
) -> None:
    """The browser reads back the length, the metadata and the content of an upload by tus-js-client; the
    upload's URL answers 404 once the upload is terminated."""
    metadata = {"nonlatin": "słońce", "number": "100", "filename": "hello.txt", "filetype": "text/plain"}
    done = await upload(visitor, elsewhere, deployment, SIZE, metadata=metadata)
    headers, content = await visitor.tab.evaluate(
        """async (url) => {
             const head = await fetch(url, { method: 'HEAD', headers: { 'Tus-Resumable': '1.0.0' } })
             const body = await (await fetch(url)).arrayBuffer()
             const digest = await crypto.subtle.digest('SHA-256', body)
             return [Object.fromEntries(head.headers), [...new Uint8Array(digest)]]
           }""",
        done["url"],
    )
    assert bytes(content) == hashlib.sha256(pattern(SIZE)).digest()
    assert headers["upload-offset"] == headers["upload-length"] == str(SIZE)
    pairs = dict(pair.split(" ") for pair in headers["upload-metadata"].split(","))
    assert {key: b64decode(value).decode() for key, value in pairs.items()} == metadata
    await visitor.tab.evaluate("(url) => tus.Upload.terminate(url)", done["url"])
    assert await status(done["url"]) == 404


async def test_tus_js_terminates_in_transit(deployment: Deployment, elsewhere: str, visitor: Visitor) -> None:
    done = await upload(visitor, elsewhere, deployment, SIZE, {"stopAt": 6 * MIB}, chunkSize=2 * MIB)
    assert done["requests"][-1] == ["DELETE", 204]
    assert await status(done["url"]) == 404


async def upload(
    visitor: Visitor,
    elsewhere: str,
    deployment: Deployment,
    size: int,
    extra: dict[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    await visitor.tab.goto(f"{elsewhere}/tus.html")
    options = {"endpoint": deployment.url, **options}
    done: dict[str, Any] = await visitor.tab.evaluate(UPLOAD, [size, options, extra or {}])
    return done


async def status(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status
