"""HEAD (tus 1.0, Core Protocol): the offset and length of an upload."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.support.raw import chunked, connected, stalled_patch, superseded
from tests.support.turns import making_way
from tests.support.tus import TusClient, encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNKNOWN = "0" * 32


async def test_t15_a_fresh_upload_is_200_at_offset_0_and_never_cached(tus: TusClient) -> None:
    answer = await tus.head(await tus.create(10))
    assert answer.status == 200
    assert answer.headers["Upload-Offset"] == "0"
    assert answer.headers["Upload-Length"] == "10"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_t16_head_of_complete_upload_is_its_length(tus: TusClient) -> None:
    upload = await tus.create(5, b"hello")
    for _ in range(2):
        answer = await tus.head(upload)
        assert (answer.status, answer.offset, answer.headers["Upload-Length"]) == (200, 5, "5")


async def test_t17_defer_length_ends_with_declaration(tus: TusClient) -> None:
    upload = await tus.create(None)
    before = await tus.head(upload)
    assert before.headers["Upload-Defer-Length"] == "1"
    assert "Upload-Length" not in before.headers
    assert (await tus.patch(upload, 0, b"abc", upload_length=10)).status == 204
    after = await tus.head(upload)
    assert "Upload-Defer-Length" not in after.headers
    assert after.headers["Upload-Length"] == "10"


async def test_t18_head_returns_metadata_as_sent(tus: TusClient) -> None:
    metadata = f"filename {encoded('naïve.txt'.encode())},flag,blob {encoded(bytes(range(256)))}"
    answer = await tus.head(await tus.create(1, upload_metadata=metadata))
    assert set(answer.headers["Upload-Metadata"].split(",")) == set(metadata.split(","))
    assert "Upload-Metadata" not in (await tus.head(await tus.create(1))).headers


async def test_t19_unknown_upload_is_404_without_offset(tus: TusClient) -> None:
    """HEAD of an unknown upload answers 404 with neither an Upload-Offset nor a body."""
    async with connected(tus.port) as connection:
        await connection.head("HEAD", tus.url + UNKNOWN)
        answer = await connection.answer(head=True)
        assert answer.status == 404
        assert "upload-offset" not in answer.headers
        await connection.head("OPTIONS", tus.url)
        assert (await connection.answer()).status == 204, "a body stood before it"


async def test_t20_what_was_terminated_is_404(tus: TusClient) -> None:
    upload = await tus.create(5, b"abc")
    assert (await tus.delete(upload)).status == 204
    assert (await tus.head(upload)).status == 404


async def test_t20_where_it_is_set_what_is_remembered_as_gone_is_410(tus_fleeting: TusClient) -> None:
    upload = await tus_fleeting.create(5, b"abc")
    assert (await tus_fleeting.delete(upload)).status == 204
    assert (await tus_fleeting.head(upload)).status == 410
    assert (await tus_fleeting.head(tus_fleeting.url + UNKNOWN)).status == 404


async def test_t21_a_head_has_no_body_and_the_connection_goes_on(tus: TusClient) -> None:
    upload = await tus.create(5, b"abc")
    async with connected(tus.port) as connection:
        for _ in range(3):
            await connection.head("HEAD", upload)
            answer = await connection.answer(head=True)
            assert (answer.status, answer.headers["upload-offset"]) == (200, "3")
            assert answer.headers.get("content-length", "0") == "0"


async def test_t22_head_supersedes_a_stalled_patch(
    tus_on: TusClient,
) -> None:
    """HEAD ends a PATCH that has fallen silent, and soon returns the offset of all bytes received; a PATCH may go on
    there."""
    upload, data = await tus_on.create(100), b"x" * 40
    async with stalled_patch(tus_on, upload, 0, data, content_length=100) as stalled:
        with making_way():
            offset = await tus_on.offset(upload)
        assert offset == len(data), "what had arrived was lost"
        assert (await tus_on.patch(upload, offset, b"y" * 60)).status == 204
        assert await superseded(stalled)
    assert await tus_on.content(upload) == data + b"y" * 60


async def test_t22_what_a_superseded_patch_sends_later_is_not_taken(tus: TusClient) -> None:
    upload = await tus.create(100)
    async with stalled_patch(tus, upload, 0, b"first") as stalled:
        assert await tus.offset(upload) == 5
        with suppress(ConnectionError):
            await stalled.send(chunked(b"late"))
        assert await superseded(stalled)
    assert await tus.offset(upload) == 5
