"""A length declared later (tus 1.0, creation-defer-length)."""

from __future__ import annotations

import pytest

from tests.support.raw import chunked, connected
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(("value", "status"), [("1", 201), ("0", 400), ("true", 400), ("2", 400), ("", 400)])
async def test_t53_upload_defer_length_is_1_or_400(tus: TusClient, value: str, status: int) -> None:
    assert (await tus.post(upload_defer_length=value)).status == status


async def test_t54_bytes_are_taken_before_the_length_is_known(tus: TusClient) -> None:
    upload = await tus.create(None)
    assert (await tus.patch(upload, 0, b"abc")).offset == 3
    assert (await tus.patch(upload, 3, b"def")).offset == 6
    answer = await tus.head(upload)
    assert (answer.offset, answer.headers["Upload-Defer-Length"]) == (6, "1")
    assert (await tus.get(upload)).status == 404


async def test_t55_patch_declares_a_deferred_length(tus: TusClient) -> None:
    """A PATCH may declare the deferred length, and the upload is complete at that length."""
    upload = await tus.create(None, b"abc")
    assert (await tus.patch(upload, 3, b"d", upload_length=5)).status == 204
    assert (await tus.head(upload)).headers["Upload-Length"] == "5"
    assert (await tus.patch(upload, 4, b"e")).status == 204
    assert await tus.content(upload) == b"abcde"


async def test_t55_bad_declared_length_is_400_or_413(tus_strict: TusClient) -> None:
    """A declared length below the offset answers 400; one above the maximum size, or too small for the Content-Length
    of its PATCH, 413. The length stays deferred."""
    upload = await tus_strict.create(None, b"abc")
    assert (await tus_strict.patch(upload, 3, b"", upload_length=2)).status == 400
    assert (await tus_strict.patch(upload, 3, b"", upload_length=1001)).status == 413
    assert (await tus_strict.patch(upload, 3, b"defg", upload_length=5)).status == 413
    answer = await tus_strict.head(upload)
    assert (answer.offset, answer.headers["Upload-Defer-Length"]) == (3, "1")


@pytest.mark.parametrize("deferred", [True, False])
async def test_t56_another_length_is_400_and_the_same_again_is_fine(tus: TusClient, *, deferred: bool) -> None:
    upload = await tus.create(None if deferred else 10)
    for _ in range(2):
        assert (await tus.patch(upload, 0, b"", upload_length=10)).status == 204
    assert (await tus.patch(upload, 0, b"abc", upload_length=11)).status == 400
    answer = await tus.head(upload)
    assert (answer.offset, answer.headers["Upload-Length"]) == (0, "10")


@pytest.mark.parametrize("declaring", [0, 1, 2], ids=["first", "last_data", "empty_last"])
async def test_t57_the_length_may_come_on_any_patch(tus: TusClient, declaring: int) -> None:
    upload = await tus.create(None)
    for number, (offset, body) in enumerate([(0, b"abc"), (3, b"def"), (6, b"")]):
        length = 6 if number == declaring else None
        assert (await tus.patch(upload, offset, body, upload_length=length)).status == 204
    assert await tus.content(upload) == b"abcdef"


async def test_t58_a_deferred_upload_obeys_the_max_size(tus_strict: TusClient) -> None:
    upload = await tus_strict.create(None)
    assert (await tus_strict.patch(upload, 0, bytes(1001))).status == 413
    async with connected(tus_strict.port) as connection:
        await connection.patch(upload, 0, chunked(*[bytes(100)] * 11), transfer_encoding="chunked")
        assert (await connection.answer()).status == 413
    offset = await tus_strict.offset(upload)
    assert offset <= 1000
    assert (await tus_strict.patch(upload, offset, bytes(1000 - offset))).status == 204
    assert (await tus_strict.patch(upload, 1000, b"x")).status == 413
