"""aiotus 1.1, its parallel concatenation too, against the server in front of a real S3."""

from __future__ import annotations

import io

import aiotus
import pytest

from tests.e2e.deployment import MIB, SIZES, Deployment
from tests.support.writing import random_bytes

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
"""Ignores aiohttp's warning about large bodies in one piece, which the client library causes."""


@pytest.mark.parametrize("size", SIZES)
async def test_aiotus_uploads(deployment: Deployment, size: int) -> None:
    data = random_bytes(size)
    url = await aiotus.upload(deployment.url, io.BytesIO(data))
    assert deployment.stored(str(url)) == data


@pytest.mark.parametrize("metadata", [{}, {"filename": "日本語.bin".encode(), "raw": b"\xff\x00", "bare": None}])
async def test_metadata_comes_back_as_aiotus_sent_it(deployment: Deployment, metadata: dict[str, bytes | None]) -> None:
    url = await aiotus.upload(deployment.url, io.BytesIO(b"x"), metadata)
    assert url is not None
    assert await aiotus.metadata(url) == metadata


@pytest.mark.parametrize(
    "sizes",
    [(8 * MIB, 9 * MIB + 1, 5), (1, 2, 3), (0, 5 * MIB - 1, 0, 5 * MIB), (1,)],
    ids=["large", "small", "some empty", "one"],
)
async def test_aiotus_concatenates_what_it_uploads_in_parallel(deployment: Deployment, sizes: tuple[int, ...]) -> None:
    pieces = [random_bytes(size) for size in sizes]
    url = await aiotus.upload_multiple(deployment.url, [io.BytesIO(piece) for piece in pieces])
    assert deployment.stored(str(url)) == b"".join(pieces)
