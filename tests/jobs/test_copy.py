"""Jobs of kind copy: to a folder, and to a bucket."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from devtools.seaweed import SeaweedFS
from tests.jobs.asking import JobClient
from tests.support.bucket import Bucket
from tests.support.installation import Start
from tests.support.server import Server
from tests.support.writing import random_bytes


@pytest.fixture
async def client(start: Start, session: aiohttp.ClientSession, tmp_path: Path) -> JobClient:
    server = start(jobs_copy_to=f"file:{tmp_path}/copies", jobs_attempts=1)
    await server.start()
    return JobClient(session, server)


async def test_a_copy_in_a_folder_has_all_bytes(client: JobClient, tmp_path: Path) -> None:
    place, data = f"file:{tmp_path}/copies", random_bytes(3_000_000)
    upload = await client.uploaded(data)
    job = await client.do(upload, "copy", {"to": place, "key": "a/b ü.bin"})
    assert job["result"] == {"to": place, "key": "a/b ü.bin", "bytes": len(data)}
    assert (tmp_path / "copies/a/b ü.bin").read_bytes() == data
    job = await client.do(upload, "copy", {"to": place})
    assert job["result"]["key"] == upload
    assert sorted(path.name for path in (tmp_path / "copies").rglob("*") if path.is_file()) == sorted(
        ["b ü.bin", upload]
    )


async def test_a_link_doesnt_lead_out_of_the_folder(client: JobClient, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies/link").symlink_to(tmp_path / "outside")
    upload = await client.uploaded(b"12345")
    job = await client.do(upload, "copy", {"to": f"file:{tmp_path}/copies", "key": "link/x"})
    assert (job["phase"], job["error"]["code"]) == ("failed", "copy-failed")
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize("key", ["", "/a", "../a", "a/../b", "a//b", "a/", ".", "a\0b", "a\nb", "x" * 901, 5, None])
async def test_a_key_that_is_no_path_is_refused(client: JobClient, tmp_path: Path, key: object) -> None:
    answer = await client.ask(await client.uploaded(b"1"), "copy", {"to": f"file:{tmp_path}/copies", "key": key})
    assert (answer.status, answer.body.partition(b":")[0]) == (400, b"bad-job")


async def test_other_places_are_refused(client: JobClient, tmp_path: Path) -> None:
    for to in (f"file:{tmp_path}", f"file:{tmp_path}/copies/a", "s3://bucket", 5, None):
        answer = await client.ask(await client.uploaded(b"1"), "copy", {"to": to})
        assert (answer.status, answer.body.partition(b":")[0]) == (400, b"bad-job")


@pytest.mark.parametrize("size", [0, 5, 20 * 1024 * 1024 + 1])
async def test_a_copy_in_a_bucket_has_all_bytes(
    seaweed: SeaweedFS, session: aiohttp.ClientSession, tmp_path: Path, size: int
) -> None:
    bucket = Bucket(seaweed)
    place = f"s3://{seaweed.bucket}/copies"
    chosen = {**bucket.settings, "state": "memory:", "jobs": True, "jobs_copy_to": place}
    server = Server(tmp_path, environment=bucket.environment, **chosen)
    await server.start()
    try:
        client, data = JobClient(session, server), random_bytes(size)
        upload = await client.uploaded(data)
        job = await client.do(upload, "copy", {"to": place, "key": f"a/{upload}"})
        assert job["result"] == {"to": place, "key": f"a/{upload}", "bytes": size}, job
        assert seaweed.client().get_object(Bucket=seaweed.bucket, Key=f"copies/a/{upload}")["Body"].read() == data
    finally:
        await server.kill()
