"""104 (Upload Resumption Supported), over plain HTTP/1.1: the upload's URL, and the number of bytes that are
durable."""

from __future__ import annotations

import asyncio
import base64
import os
from typing import Any

import pytest

from tests.support.raw import RawAnswer, connected
from tests.support.rufh import NEWEST, VERSIONS, RufhClient, answers, ask
from tests.support.s3faults import error
from tests.support.s3proxy import S3Proxy

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1024 * 1024
SIZE = 32 * MIB


async def whole(client: RufhClient, version: object, /, body: bytes = b"abc", **fields: Any) -> list[RawAnswer]:
    """Create an upload with `body` as its whole content, unless `fields` say otherwise; return all answers, the interim
    ones first."""
    headers = {"upload_complete": "?1", "upload_incomplete": "?0", "upload_draft_interop_version": version}
    async with connected(client.port) as connection:
        await ask(connection, "POST", client.url, **{**headers, "content_length": len(body), **fields})
        sending = asyncio.create_task(connection.send(body))
        responses = await answers(connection)
        await sending
        return responses


@pytest.mark.parametrize("version", VERSIONS)
async def test_i9_i11_104_has_url_and_limits_before_the_body(rufh: RufhClient, version: int) -> None:
    async with connected(rufh.port) as connection:
        fields = {"upload_complete": "?1", "upload_incomplete": "?0", "upload_draft_interop_version": version}
        await ask(connection, "POST", rufh.url, **fields, content_length=3)
        interim = await connection.answer()
        assert interim.status == 104
        assert interim.headers["upload-draft-interop-version"] == str(version)
        assert "min-size" in interim.headers["upload-limit"]
        assert await rufh.at(None).metric("uploads_created_total") > 0
        await connection.send(b"abc")
        final = await connection.answer()
    assert (final.status, final.headers["location"]) == (201, interim.headers["location"])


@pytest.mark.parametrize("version", [None, 9])
async def test_i9_nobody_else_is_sent_one(rufh: RufhClient, version: int | None) -> None:
    assert [answer.status for answer in await whole(rufh, version)] == [201]


async def test_i9_nor_is_a_client_of_tus(rufh: RufhClient) -> None:
    tus: dict[str, Any] = {
        "tus_resumable": "1.0.0",
        "upload_length": 3,
        "content_type": "application/offset+octet-stream",
    }
    assert [answer.status for answer in await whole(rufh, NEWEST, **tus)] == [201]


@pytest.mark.parametrize(("complete", "body"), [("?0", b"abc"), ("?0", b""), ("?1", b"")])
async def test_i9_auto_leaves_it_out_where_its_client_does_not_need_it(
    rufh: RufhClient, complete: str, body: bytes
) -> None:
    assert [answer.status for answer in await whole(rufh, NEWEST, body, upload_complete=complete)] == [201]


@pytest.mark.parametrize("field", ["via", "forwarded", "x_forwarded_for"])
async def test_i9_auto_trusts_no_proxy_with_one(rufh: RufhClient, rufh_s3: RufhClient, field: str) -> None:
    """A creation that came through a proxy gets no 104 with `ietf-interim-responses = auto`, since some proxies take it
    for the final response; with `on` it gets one."""
    passed: dict[str, Any] = {field: "x"}
    assert [answer.status for answer in await whole(rufh, NEWEST, **passed)] == [201]
    assert [answer.status for answer in await whole(rufh_s3, NEWEST, **passed)] == [104, 201], "on"


async def test_i9_on_does_not_and_off_has_none(rufh_s3: RufhClient, rufh_strict: RufhClient) -> None:
    first, *_, final = await whole(rufh_s3, NEWEST, upload_complete="?0")
    assert (first.status, first.headers["location"], final.status) == (104, final.headers["location"], 201)
    assert [answer.status for answer in await whole(rufh_strict, NEWEST)] == [201]


async def test_i9_a_refused_creation_has_none(rufh: RufhClient) -> None:
    assert [answer.status for answer in await whole(rufh, NEWEST, upload_length=4)] == [400]


async def test_i9_http_1_0_knows_no_interim_responses(rufh: RufhClient) -> None:
    async with connected(rufh.port) as connection:
        head = "POST /files/ HTTP/1.0\r\nHost: x\r\nUpload-Draft-Interop-Version: 8\r\nUpload-Complete: ?1\r\n"
        await connection.send(f"{head}Content-Length: 3\r\n\r\nabc".encode())
        assert (await connection.answer()).status == 201


async def test_i13_progress_only_grows(
    rufh_s3: RufhClient,
) -> None:
    """The offsets in the interim responses to a creation grow, below the size, and come without URL and
    completeness."""
    first, *progress, final = await whole(rufh_s3, NEWEST, os.urandom(SIZE))
    assert (first.status, final.status) == (104, 201)
    offsets = [int(response.headers["upload-offset"]) for response in progress]
    assert offsets == sorted(set(offsets))
    assert len(offsets) > 1
    assert all(0 < offset < SIZE for offset in offsets)
    assert not any({"location", "upload-complete"} & set(response.headers) for response in progress)


@pytest.mark.parametrize("version", [3, 4])
async def test_i13_clients_of_the_first_drafts_do_not_know_of_progress(rufh_s3: RufhClient, version: int) -> None:
    responses = await whole(rufh_s3, version, os.urandom(12 * MIB))
    assert [answer.status for answer in responses] == [104, 201]


async def test_i16_a_104_does_not_stand_for_a_100(rufh: RufhClient) -> None:
    assert [answer.status for answer in await whole(rufh, NEWEST, expect="100-continue")] == [104, 100, 201]


async def test_i16_a_100_comes_without_a_104_too(rufh_strict: RufhClient) -> None:
    assert [answer.status for answer in await whole(rufh_strict, NEWEST, expect="100-continue")] == [100, 201]


async def append(client: RufhClient, data: bytes, **fields: object) -> list[RawAnswer]:
    """Begin an upload with the first byte of `data` and append the rest; return all answers to the append, the interim
    ones first."""
    url = await client.begin_unfinished(data[:1])
    async with connected(client.port) as connection:
        headers = {"upload_complete": "?1", "upload_offset": 1, "content_length": len(data) - 1}
        await ask(connection, "PATCH", url, **{**headers, **fields})
        sending = asyncio.create_task(connection.send(data[1:]))
        responses = await answers(connection)
        await sending
        return responses


@pytest.mark.parametrize("complete", ["?0", "?1"])
async def test_i31_append_progress_has_no_location(rufh_s3: RufhClient, complete: str) -> None:
    *progress, final = await append(rufh_s3, os.urandom(SIZE), upload_complete=complete)
    offsets = [int(response.headers["upload-offset"]) for response in progress]
    assert (final.status, len(offsets) > 1, offsets) == (201 if complete == "?1" else 204, True, sorted(set(offsets)))
    assert not any("location" in response.headers for response in progress)
    assert all(response.headers["upload-draft-interop-version"] == "8" for response in progress)


async def test_i31_auto_tells_the_progress_of_what_is_the_rest_only(rufh: RufhClient) -> None:
    data = os.urandom(SIZE)
    assert len(await append(rufh, data)) > 2
    assert len(await append(rufh, data, upload_complete="?0")) == 1


async def test_announced_upload_survives_wrong_content(rufh: RufhClient) -> None:
    """A creation that got a 104, and whose content doesn't have its Content-Digest, answers 400; its upload stays at
    offset 0, and the client can append."""
    other_digest = f"sha-256=:{base64.b64encode(bytes(32)).decode()}:"
    first, final = await whole(rufh, NEWEST, content_digest=other_digest)
    assert (first.status, final.status) == (104, 400)
    url = first.headers["location"]
    assert await rufh.state(url) == (0, False)
    assert (await rufh.append(url, 0, b"abc", complete=True)).status == 201


@pytest.mark.parametrize("kill", [True, False])
async def test_i31_what_is_told_is_durable(
    rufh_s3: RufhClient, s3_proxy: S3Proxy, request: pytest.FixtureRequest, *, kill: bool
) -> None:
    """If the server is killed, or S3 refuses parts, right after a 104 told an offset, the upload goes on at that offset
    or beyond it."""
    site, data = request.getfixturevalue("s3"), os.urandom(SIZE)
    async with connected(rufh_s3.port) as connection:
        await ask(connection, "POST", rufh_s3.url, upload_complete="?1", content_length=SIZE)
        url = (await connection.answer()).headers["location"]
        await connection.send(data[: SIZE // 2])
        durable_offset = int((await connection.answer()).headers["upload-offset"])
        s3_proxy.faults.rule("UploadPart", None, error(403, "AccessDenied"))
        sending = asyncio.create_task(connection.send(data[SIZE // 2 :]))
        if kill:
            await site.server.kill()
        else:
            assert b"HTTP/1.1 5" not in await connection.read_rest(), "I34"
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    if kill:
        await site.server.start()
    s3_proxy.reset()
    offset, complete = await rufh_s3.state(url)
    assert (offset >= durable_offset > 0, complete) == (True, False)
    assert (await rufh_s3.append(url, offset, data[offset:], complete=True)).status == 201
    assert await rufh_s3.content(url) == data
