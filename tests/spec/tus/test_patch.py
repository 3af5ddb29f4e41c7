"""PATCH (tus 1.0, Core Protocol): bytes into an upload."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.support.raw import chunked, connected, stalled_patch
from tests.support.s3faults import error
from tests.support.s3proxy import S3Proxy
from tests.support.sites import Site
from tests.support.tus import OCTETS, PATIENCE, VERSION, TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1024 * 1024
UNKNOWN = "0" * 32
SIZES = [1, MIB, 4 * MIB, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 10 * MIB, 500 * 1024]


async def test_t23_patch_is_204_with_the_new_offset(tus: TusClient) -> None:
    upload = await tus.create(10, b"abc")
    answer = await tus.patch(upload, 3, b"defg")
    assert (answer.status, answer.offset, answer.body) == (204, 7, b"")
    assert "Content-Length" not in answer.headers, "RFC 9110, 8.6"


@pytest.mark.parametrize("wrong", [0, 2, 4, 10, 11])
async def test_t24_wrong_offset_is_409_with_the_true_one(tus: TusClient, wrong: int) -> None:
    upload = await tus.create(10, b"abc")
    answer = await tus.patch(upload, wrong, b"xyz")
    assert (answer.status, answer.offset) == (409, 3)
    assert await tus.offset(upload) == 3


@pytest.mark.parametrize("kind", [None, "application/octet-stream", "text/plain", ""])
async def test_t25_another_content_type_is_415_and_changes_nothing(tus: TusClient, kind: str | None) -> None:
    upload = await tus.create(10, b"abc")
    answer = await tus.patch(upload, 3, b"xyz", content_type=kind)
    assert answer.status == 415
    assert "Upload-Offset" not in answer.headers
    assert await tus.offset(upload) == 3


@pytest.mark.parametrize("kind", ["Application/Offset+Octet-Stream", f"{OCTETS}; charset=x", f"{OCTETS} ;a=b"])
async def test_t25_content_type_ignores_case_and_parameters(tus: TusClient, kind: str) -> None:
    assert (await tus.patch(await tus.create(3), 0, b"abc", content_type=kind)).status == 204


@pytest.mark.parametrize("offset", [None, "three", "-1"])
async def test_t26_a_missing_or_invalid_offset_is_400(tus: TusClient, offset: str | None) -> None:
    upload = await tus.create(10, b"abc")
    answer = await tus.patch(upload, offset, b"xyz")
    assert (answer.status, "Upload-Offset" in answer.headers) == (400, False)
    assert await tus.offset(upload) == 3


async def test_t27_an_unknown_upload_is_404(tus: TusClient) -> None:
    assert (await tus.patch(tus.url + UNKNOWN, 0, b"abc")).status == 404


@pytest.mark.parametrize("size", [40, 300_000, 6 * MIB], ids=["small", "some", "part_and_tail"])
@pytest.mark.parametrize("framing", ["content_length", "chunked"])
async def test_t28_cut_patch_keeps_its_bytes(tus_on: TusClient, framing: str, size: int) -> None:
    upload, data = await tus_on.create(size + 10), os.urandom(size + 10)
    fields = {"content_length": size + 10} if framing == "content_length" else {}
    async with stalled_patch(tus_on, upload, 0, data[:size], **fields) as dying:
        dying.leave()
    offset = await tus_on.offset(upload)
    assert offset == size
    assert (await tus_on.patch(upload, offset, data[offset:])).status == 204
    assert await tus_on.content(upload) == data


async def test_t29_more_than_the_length_is_413_before_a_byte_is_read(tus: TusClient) -> None:
    upload = await tus.create(5, b"abc")
    async with connected(tus.port) as connection:
        await connection.patch(upload, 3, content_length=3)
        assert (await connection.answer()).status == 413
    assert await tus.offset(upload) == 3


@pytest.mark.parametrize("size", [3, 9 * MIB])
async def test_t29_chunked_body_over_the_length_is_413(tus: TusClient, size: int) -> None:
    """A chunked body beyond the length answers 413 and leaves no byte past the length: the upload can be completed."""
    upload = await tus.create(5, b"abc")
    async with connected(tus.port) as connection:
        await connection.patch(upload, 3, transfer_encoding="chunked")
        sending = asyncio.create_task(connection.send(chunked(b"x" * size)))
        assert (await connection.answer()).status == 413
        await asyncio.gather(sending, return_exceptions=True)
    offset = await tus.offset(upload)
    assert (await tus.patch(upload, offset, b"de"[offset - 3 :])).status == 204
    assert (await tus.content(upload))[: offset + 2] == b"abcde"


async def test_t30_a_chunked_body_is_taken(tus: TusClient) -> None:
    upload = await tus.create(10)
    async with connected(tus.port) as connection:
        await connection.patch(upload, 0, chunked(b"abc", b"defg", b"hij"), transfer_encoding="chunked")
        answer = await connection.answer()
        assert (answer.status, answer.headers["upload-offset"]) == (204, "10")
    assert await tus.content(upload) == b"abcdefghij"


@pytest.mark.parametrize("framing", [{}, {"content_length": 0}], ids=["no_framing", "content_length_0"])
async def test_t31_empty_patch_may_declare_the_length(tus: TusClient, framing: dict[str, object]) -> None:
    upload = await tus.create(None, b"abc")
    async with connected(tus.port) as connection:
        await connection.patch(upload, 3, **framing)
        answer = await connection.answer()
        assert (answer.status, answer.headers["upload-offset"]) == (204, "3")
        await connection.patch(upload, 3, upload_length=3, **framing)
        assert (await connection.answer()).status == 204
    assert await tus.content(upload) == b"abc"


async def test_t32_patch_at_the_end_is_204_or_413(tus: TusClient) -> None:
    """At the end of an upload, an empty PATCH answers 204, and one with a further byte 413."""
    upload = await tus.create(3, b"abc")
    for _ in range(3):
        assert (await tus.patch(upload, 3, b"")).status == 204
    assert (await tus.patch(upload, 3, b"d")).status == 413
    async with connected(tus.port) as connection:
        await connection.patch(upload, 3, chunked(b"d"), transfer_encoding="chunked")
        assert (await connection.answer()).status == 413
    assert await tus.content(upload) == b"abc"


async def test_t33_concurrent_patches_store_one_sequence(tus_on: TusClient) -> None:
    size = 2 * MIB
    upload = await tus_on.create(size)
    bodies = [b"a" * size, b"b" * size]
    answers = await asyncio.gather(*(tus_on.patch(upload, 0, body) for body in bodies), return_exceptions=True)
    statuses = [answer.status for answer in answers if not isinstance(answer, BaseException)]
    assert set(statuses) <= {204, 409, 423}
    assert statuses.count(204) <= 1
    offset = await tus_on.offset(upload)
    if offset < size:
        assert (await tus_on.patch(upload, offset, b"c" * (size - offset))).status == 204
    assert await tus_on.content(upload) in [body[:offset] + b"c" * (size - offset) for body in bodies]


async def test_t34_silent_body_is_closed_and_kept(tus_strict: TusClient) -> None:
    """A body that falls silent ends its connection without an answer, since tus-js-client gives up on a 408; the bytes
    received are kept."""
    upload = await tus_strict.create(10)
    async with stalled_patch(tus_strict, upload, 0, b"abc", content_length=10) as stalled:
        assert await stalled.read_rest() == b"", "tus-js-client gives up on a 408"
    assert await tus_strict.offset(upload) == 3


async def test_t35_patches_of_all_sizes_make_the_bytes_that_were_sent(tus_on: TusClient) -> None:
    data = os.urandom(sum(SIZES))
    upload, at = await tus_on.create(len(data)), 0
    for size in SIZES:
        answer = await tus_on.patch(upload, at, data[at : at + size])
        at += size
        assert (answer.status, answer.offset) == (204, at)
    assert await tus_on.content(upload) == data


async def test_t36_after_a_crash_no_acknowledged_byte_is_missing(site: Site, tus_on: TusClient) -> None:
    data = os.urandom(7 * MIB)
    upload = await tus_on.create(len(data), data[:1000])
    acknowledged = (await tus_on.patch(upload, 1000, data[1000 : 6 * MIB])).offset
    async with stalled_patch(tus_on, upload, acknowledged, data[acknowledged : acknowledged + 100]):
        await site.server.kill()
    await site.server.start()
    offset = await tus_on.offset(upload)
    assert acknowledged <= offset <= acknowledged + 100
    assert (await tus_on.patch(upload, offset, data[offset:])).status == 204
    assert await tus_on.content(upload) == data


async def test_t37_t22b_failing_finish_is_503_and_head_423(tus_s3: TusClient, s3_proxy: S3Proxy) -> None:
    """While S3 fails to complete the object, the last PATCH answers 503 and HEAD 423, both without an offset: any other
    failed HEAD makes tus-js-client start over from byte 0."""
    data = os.urandom(6 * MIB)
    upload = await tus_s3.create(len(data), data[:-10])
    s3_proxy.faults.rule("CompleteMultipartUpload", None, error(503, "SlowDown"))
    answer = await tus_s3.patch(upload, len(data) - 10, data[-10:])
    assert (answer.status, answer.headers["Tus-Resumable"]) == (503, VERSION)
    assert "Retry-After" in answer.headers
    assert "Upload-Offset" not in answer.headers
    head = await tus_s3.head(upload)
    assert (head.status, "Upload-Offset" in head.headers) == (423, False)
    assert (await tus_s3.get(upload)).status == 404
    s3_proxy.reset()
    assert await tus_s3.offset(upload) == len(data)
    assert await tus_s3.content(upload) == data


async def test_a_refused_gigabyte_is_not_read(tus: TusClient) -> None:
    upload, sent_bytes = await tus.create(5, b"abc"), 0
    async with connected(tus.port) as connection, asyncio.timeout(PATIENCE):
        await connection.patch(upload, 4, content_length=1024 * MIB)
        try:
            while sent_bytes < 1024 * MIB:
                await connection.send(b"x" * MIB)
                sent_bytes += MIB
        except ConnectionError:
            pass
    assert sent_bytes < 32 * MIB


async def test_a_refused_client_that_still_sends_gets_its_answer(tus: TusClient) -> None:
    upload = await tus.create(5, b"abc")
    async with connected(tus.port) as connection:
        await connection.patch(upload, 4, b"x" * 1000, content_length=1024 * MIB)
        assert (await connection.answer()).status == 409
        assert await connection.read_rest() == b""


async def test_a_small_refused_body_costs_no_connection(tus: TusClient) -> None:
    upload = await tus.create(5, b"abc")
    async with connected(tus.port) as connection:
        await connection.patch(upload, 4, b"xy", content_length=2)
        assert (await connection.answer()).status == 409
        await connection.patch(upload, 3, b"de", content_length=2)
        assert (await connection.answer()).status == 204
