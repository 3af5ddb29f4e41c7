"""Verification of bytes (tus 1.0, checksum)."""

from __future__ import annotations

import base64
import hashlib
import os
from contextlib import suppress

import google_crc32c
import pytest

from tests.support.raw import chunked, connected, stalled_patch
from tests.support.sites import Site
from tests.support.tus import OCTETS, TusClient, encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1024 * 1024


def checksum(data: bytes, algorithm: str = "sha1") -> str:
    if algorithm == "crc32c":
        return f"crc32c {encoded(google_crc32c.value(data).to_bytes(4, 'big'))}"
    return f"{algorithm} {encoded(hashlib.new(algorithm, data).digest())}"


async def test_t62_the_algorithms_are_said_sha1_among_them(tus: TusClient) -> None:
    algorithms = (await tus.options()).headers["Tus-Checksum-Algorithm"].split(",")
    assert "sha1" in algorithms
    assert all(name == name.lower() and name.isascii() for name in algorithms)


async def test_t63_every_algorithm_that_is_said_is_verified(tus: TusClient) -> None:
    for name in (await tus.options()).headers["Tus-Checksum-Algorithm"].split(","):
        upload = await tus.create(6)
        assert (await tus.patch(upload, 0, b"abc", upload_checksum=checksum(b"abd", name))).status == 460
        assert (await tus.patch(upload, 0, b"abc", upload_checksum=checksum(b"abc", name))).status == 204


@pytest.mark.parametrize("size", [3, 6 * MIB], ids=["small", "part_and_tail"])
async def test_t63_mismatch_is_460_and_retry_succeeds(tus_on: TusClient, size: int) -> None:
    """A body that doesn't have the announced checksum answers 460 and leaves no byte; the right body is taken
    afterwards."""
    data = os.urandom(size)
    upload = await tus_on.create(size + 5, b"start")
    answer = await tus_on.patch(upload, 5, os.urandom(size), upload_checksum=checksum(data))
    assert (answer.status, "Upload-Offset" in answer.headers) == (460, False)
    assert await tus_on.offset(upload) == 5
    assert (await tus_on.patch(upload, 5, data, upload_checksum=checksum(data))).status == 204
    assert await tus_on.content(upload) == b"start" + data


@pytest.mark.parametrize(
    "value",
    ["whirlpool YQ==", "SHA1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", "sha1", "sha1 ???", "sha1 YQ==", "sha1 ", "", " sha1"],
)
async def test_t64_bad_checksum_field_is_400_before_body(tus: TusClient, value: str) -> None:
    upload = await tus.create(5)
    async with connected(tus.port) as connection:
        await connection.patch(upload, 0, content_length=3, upload_checksum=value)
        assert (await connection.answer()).status == 400
    assert await tus.offset(upload) == 0


@pytest.mark.parametrize("size", [40, 6 * MIB], ids=["small", "part_and_tail"])
async def test_t65_cut_body_with_checksum_is_dropped(site: Site, tus_on: TusClient, size: int) -> None:
    data = os.urandom(size + 10)
    upload = await tus_on.create(len(data) + 5, b"start")
    fields = {"content_length": len(data), "upload_checksum": checksum(data)}
    async with stalled_patch(tus_on, upload, 5, data[:size], **fields) as dying:
        dying.leave()
    assert await tus_on.offset(upload) == 5
    assert (await tus_on.patch(upload, 5, data, upload_checksum=checksum(data))).status == 204
    assert await tus_on.content(upload) == b"start" + data
    assert (await tus_on.delete(upload)).status == 204
    assert site.traces(upload) == []


async def test_t66_each_chunk_has_its_own_checksum(tus: TusClient) -> None:
    upload = await tus.create(6)
    for offset, body in [(0, b"abc"), (3, b"def")]:
        assert (await tus.patch(upload, offset, body, upload_checksum=checksum(body))).status == 204
    assert await tus.content(upload) == b"abcdef"


async def test_t67_checksum_of_a_post_with_bytes(
    tus: TusClient,
) -> None:
    """The checksum of a POST is verified if there are bytes: 460 or 201. Without bytes it is ignored."""
    fields = {"upload_length": 3, "content_type": OCTETS}
    assert (await tus.post(b"abc", **fields, upload_checksum=checksum(b"abd"))).status == 460
    assert (await tus.post(b"abc", **fields, upload_checksum=checksum(b"abc"))).status == 201
    bogus = base64.b64encode(hashlib.sha1(b"the file").hexdigest().encode()).decode()
    assert (await tus.post(b"", upload_length=3, upload_checksum=f"sha1 {bogus}")).status == 201


async def test_t68_unoffered_trailer_is_ignored(tus: TusClient) -> None:
    assert "checksum-trailer" not in (await tus.options()).headers["Tus-Extension"]
    upload = await tus.create(3)
    body = chunked(b"abc", end=False) + f"0\r\nUpload-Checksum: {checksum(b'abc')}\r\n\r\n".encode()
    async with connected(tus.port) as connection:
        await connection.patch(upload, 0, body, transfer_encoding="chunked", trailer="Upload-Checksum")
        assert (await connection.answer()).status == 204
    assert await tus.content(upload) == b"abc"


async def test_t63_superseded_body_with_checksum_is_dropped(tus: TusClient) -> None:
    upload = await tus.create(6)
    async with stalled_patch(tus, upload, 0, b"abc", content_length=6, upload_checksum=checksum(b"abcdef")) as stalled:
        assert await tus.offset(upload) == 0
        with suppress(ConnectionError):
            await stalled.send(b"def")
    assert await tus.offset(upload) == 0
