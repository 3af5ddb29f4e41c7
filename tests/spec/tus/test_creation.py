"""Creation of an upload without bytes (tus 1.0, creation)."""

from __future__ import annotations

import pytest

from tests.support.sites import Site
from tests.support.tus import OCTETS, TusClient, encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOT_METADATA = ["key ???", "a YQ==,a Yg==", ",", "a YQ==,", "a YQ== YQ==", "k\u00e9y YQ==", "a =="]


async def test_t38_a_length_makes_201_with_an_absolute_location(tus: TusClient) -> None:
    answer = await tus.post(b"", upload_length=10)
    assert answer.status == 201
    assert answer.url.startswith(tus.url)
    assert "Upload-Offset" not in answer.headers, "only bytes in the request make one"
    assert await tus.offset(answer.url) == 0


async def test_t39_length_0_is_complete_at_once(tus_on: TusClient) -> None:
    finished = await tus_on.metric("uploads_finished_total")
    upload = await tus_on.create(0)
    answer = await tus_on.head(upload)
    assert (answer.offset, answer.headers["Upload-Length"]) == (0, "0")
    assert await tus_on.content(upload) == b""
    assert await tus_on.metric("uploads_finished_total") == finished + 1


@pytest.mark.parametrize("metadata", ["flag", "flag ", f"a {encoded(b'x')},flag,b {encoded(b'y')}", ""])
async def test_t40_values_may_be_empty_and_so_may_the_field(tus: TusClient, metadata: str) -> None:
    answer = await tus.post(upload_length=1, upload_metadata=metadata)
    assert answer.status == 201
    echoed = (await tus.head(answer.url)).headers.get("Upload-Metadata", "")
    assert echoed == metadata.strip()


@pytest.mark.parametrize("metadata", NOT_METADATA)
async def test_t40_what_breaks_the_grammar_is_400(tus: TusClient, metadata: str) -> None:
    assert (await tus.post(upload_length=1, upload_metadata=metadata)).status == 400


async def test_t41_loose_metadata_returns_canonical(tus: TusClient) -> None:
    """Metadata with blanks around its commas, or base64 without padding, is accepted, and HEAD returns the canonical
    form."""
    upload = await tus.create(1, upload_metadata="a YQ, b YmI ,c //8=")
    assert (await tus.head(upload)).headers["Upload-Metadata"] == "a YQ==,b YmI=,c //8="


@pytest.mark.parametrize(
    "size",
    [{}, {"upload_length": 1, "upload_defer_length": 1}, {"upload_length": "ten"}, {"upload_length": -1}],
    ids=["none", "both", "word", "negative"],
)
async def test_t42_no_length_two_or_a_wrong_one_is_400(tus: TusClient, size: dict[str, object]) -> None:
    assert (await tus.post(**size)).status == 400


async def test_t43_more_than_the_max_size_is_413_and_creates_nothing(tus_strict: TusClient) -> None:
    created = await tus_strict.metric("uploads_created_total")
    assert (await tus_strict.post(upload_length=1001)).status == 413
    assert await tus_strict.metric("uploads_created_total") == created
    assert (await tus_strict.post(upload_length=1000)).status == 201


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/plain", OCTETS])
async def test_t44_without_bytes_the_content_type_means_nothing(tus: TusClient, kind: str) -> None:
    assert (await tus.post(b"", upload_length=10, content_type=kind)).status == 201


async def test_t45_a_refusal_of_metadata_is_readable(tus: TusClient) -> None:
    answer = await tus.post(upload_length=1, upload_metadata=f"big {encoded(bytes(20_000))}")
    assert answer.status == 400
    assert b"Upload-Metadata is longer than" in answer.body


async def test_t46_an_upload_without_bytes_is_there_after_a_crash(site: Site, tus_on: TusClient) -> None:
    upload = await tus_on.create(10, upload_metadata=f"name {encoded(b'x')}")
    await site.server.kill()
    await site.server.start()
    answer = await tus_on.head(upload)
    assert (answer.offset, answer.headers["Upload-Metadata"]) == (0, f"name {encoded(b'x')}")
    assert (await tus_on.patch(upload, 0, b"0123456789")).status == 204
    assert await tus_on.content(upload) == b"0123456789"
