"""curl against the server in front of a real S3: uploads without a library, cut short and taken up again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e.conftest import Deploy
from tests.e2e.curl import BYTES, run, transfer
from tests.e2e.deployment import MIB, SIZES, Deployment
from tests.support.writing import random_bytes

SLOW = ("--limit-rate", "6M")
RANGES = (
    ("0-0", 0, 1),
    ("8388600-8388615", 8388600, 8388616),
    ("20971530-", 20971530, None),
    ("-5", -5, None),
)


async def created(curl: str, url: str, length: int) -> str:
    answer = await run(curl, url, "-X", "POST", Upload_Length=str(length))
    assert answer.status == 201
    return answer.headers["location"]


@pytest.mark.parametrize("size", SIZES)
async def test_creation_and_one_patch(deployment: Deployment, curl: str, tmp_path: Path, size: int) -> None:
    (tmp_path / "file").write_bytes(random_bytes(size))
    url = await created(curl, deployment.url, size)
    flags = ("-X", "PATCH", "-T", str(tmp_path / "file"))
    answer = await run(curl, url, *flags, Upload_Offset="0", Content_Type=BYTES, Expect="100-continue")
    assert (answer.status, answer.headers["upload-offset"]) == (204, str(size))
    assert deployment.stored(url) == random_bytes(size)


@pytest.mark.parametrize("size", SIZES)
async def test_creation_with_upload(deployment: Deployment, curl: str, tmp_path: Path, size: int) -> None:
    (tmp_path / "file").write_bytes(random_bytes(size))
    flags = ("-X", "POST", "--data-binary", f"@{tmp_path / 'file'}")
    answer = await run(curl, deployment.url, *flags, Upload_Length=str(size), Content_Type=BYTES)
    assert answer.status == 201
    assert deployment.stored(answer.headers["location"]) == random_bytes(size)


async def test_a_body_of_unknown_length(deployment: Deployment, curl: str, data: bytes) -> None:
    url = await created(curl, deployment.url, len(data))
    flags = ("-X", "PATCH", "-T", "-")
    answer = await run(curl, url, *flags, data=data, Upload_Offset="0", Content_Type=BYTES)
    assert answer.status == 204
    assert deployment.stored(url) == data


async def test_a_refused_request_costs_no_byte_of_its_body(
    deployment: Deployment, curl: str, data: bytes, file: Path
) -> None:
    url = await created(curl, deployment.url, len(data))
    flags = ("-X", "PATCH", "-T", str(file), "--expect100-timeout", "30")
    answer = await run(curl, url, *flags, Upload_Offset="1", Content_Type=BYTES, Expect="100-continue")
    assert (answer.status, answer.sent_bytes) == (409, 0)


async def test_killed_curl_resumes_from_its_offset(deploy: Deploy, curl: str, data: bytes, file: Path) -> None:
    async with deploy() as deployment:
        url = await created(curl, deployment.url, len(data))
        slowly = transfer(curl, url, *SLOW, "-X", "PATCH", "-T", str(file), Upload_Offset="0", Content_Type=BYTES)
        async with slowly:
            received = await deployment.until_received(9 * MIB)
        offset = await deployment.offset(url)
        assert received <= offset < len(data)
        answer = await run(
            curl, url, "-X", "PATCH", "-T", "-", data=data[offset:], Upload_Offset=str(offset), Content_Type=BYTES
        )
        assert answer.status == 204
        assert deployment.stored(url) == data


async def test_what_came_before_the_server_was_asked_to_end_is_kept(
    deploy: Deploy, curl: str, data: bytes, file: Path
) -> None:
    async with deploy(shutdown_timeout="20s") as deployment:
        url = await created(curl, deployment.url, len(data))
        slowly = transfer(curl, url, *SLOW, "-X", "PATCH", "-T", str(file), Upload_Offset="0", Content_Type=BYTES)
        async with slowly as running:
            received = await deployment.until_received(9 * MIB)
            async with asyncio.timeout(15):
                assert await deployment.server.stop() == 0
            answer = await running.answer()
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        await deployment.server.start()
        assert received <= await deployment.offset(url) <= answer.sent_bytes


async def test_a_second_request_takes_over_from_one_that_lingers(
    deploy: Deploy, curl: str, data: bytes, file: Path
) -> None:
    async with deploy() as deployment:
        url = await created(curl, deployment.url, len(data))
        slowly = transfer(curl, url, *SLOW, "-X", "PATCH", "-T", str(file), Upload_Offset="0", Content_Type=BYTES)
        async with slowly as lingering:
            received = await deployment.until_received(9 * MIB)
            offset = await deployment.offset(url)
            assert offset >= received
            assert (await lingering.answer()).status == 423
        answer = await run(
            curl, url, "-X", "PATCH", "-T", "-", data=data[offset:], Upload_Offset=str(offset), Content_Type=BYTES
        )
        assert answer.status == 204
        assert deployment.stored(url) == data


async def test_ranges_of_what_was_stored(deployment: Deployment, curl: str, data: bytes, file: Path) -> None:
    url = await created(curl, deployment.url, len(data))
    await run(curl, url, "-X", "PATCH", "-T", str(file), Upload_Offset="0", Content_Type=BYTES)
    for range_field, first, end in RANGES:
        answer = await run(curl, url, "-r", range_field)
        assert (answer.status, answer.content) == (206, data[first:end])
    answer = await run(curl, url)
    assert (answer.status, answer.content) == (200, data)
