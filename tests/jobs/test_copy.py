"""Jobs of kind copy: to a folder, and to a bucket."""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from aiohttp.web import StreamResponse

from devtools.seaweed import SeaweedFS
from tests.jobs.asking import JobClient, until
from tests.support.bucket import Bucket
from tests.support.installation import Start
from tests.support.s3exchange import Exchange
from tests.support.s3faults import Action, after_forwarding, delay, error, reset, stall
from tests.support.s3proxy import S3Proxy
from tests.support.server import serving
from tests.support.writing import random_bytes
from tusd_py.domain.job_faults import BadJob, PassingFault
from tusd_py.jobs.kinds.copy import Copy
from tusd_py.jobs.targets.folder import FolderTarget
from tusd_py.tasks import end


class Halting:
    """Two pieces of a copy's bytes: after the first, `halted` is set, and the second waits for `going_on`."""

    def __init__(self, *pieces: bytes) -> None:
        self.halted, self.going_on = asyncio.Event(), asyncio.Event()
        self._pieces = pieces

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        yield self._pieces[0]
        self.halted.set()
        await self.going_on.wait()
        yield self._pieces[1]


class SlowDisk:
    """An fsync that sets `halted` and waits for `going_on`, at most 60 seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.halted, self.going_on = threading.Event(), threading.Event()
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self._halt)

    def _halt(self, descriptor: int) -> None:
        self.halted.set()
        self.going_on.wait(60.0)
        self._fsync(descriptor)


async def answer_late(exchange: Exchange) -> StreamResponse:
    answer = await exchange.forward()
    await asyncio.sleep(1.0)
    return await exchange.relay(answer)


async def in_one(data: bytes) -> AsyncGenerator[bytes, None]:
    yield data


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


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


async def test_two_copies_to_one_key_are_not_mixed(tmp_path: Path) -> None:
    """While the first copy to a key is written, a second one fails with PassingFault; tried again later, it
    succeeds."""
    target, first = FolderTarget(tmp_path, 0o600), Halting(b"first ", b"copy")
    writing = asyncio.create_task(target.write("a", 10, {}, first.chunks()))
    await first.halted.wait()
    with pytest.raises(PassingFault, match="another copy to it is under way"):
        await target.write("a", 10, {}, in_one(b"the second"))
    first.going_on.set()
    await writing
    assert contents(tmp_path) == {"a": b"first copy"}
    await target.write("a", 10, {}, in_one(b"the second"))
    assert contents(tmp_path) == {"a": b"the second"}


async def test_what_a_killed_copy_left_is_no_obstacle(tmp_path: Path) -> None:
    target, killed = FolderTarget(tmp_path, 0o600), Halting(b"a part of it", b"")
    writing = asyncio.create_task(target.write("a", 4, {}, killed.chunks()))
    await killed.halted.wait()
    (unfinished,) = contents(tmp_path)
    await end(writing)
    assert contents(tmp_path) == {}
    (tmp_path / unfinished).write_bytes(b"left by a process that died")
    await target.write("a", 4, {}, in_one(b"data"))
    assert contents(tmp_path) == {"a": b"data"}


async def test_a_cancelled_copy_moves_nothing_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that is cancelled repeatedly during fsync never moves its file to the key. Another copy to the key fails
    with PassingFault until the cancelled one has ended."""
    target, disk = FolderTarget(tmp_path, 0o600), SlowDisk(monkeypatch)
    writing = asyncio.create_task(target.write("a", 5, {}, in_one(b"first")))
    await asyncio.to_thread(disk.halted.wait, 60.0)
    ending = asyncio.create_task(end(writing))
    await asyncio.wait({ending}, timeout=0.5)
    with pytest.raises(PassingFault, match="another copy to it is under way"):
        await target.write("a", 10, {}, in_one(b"the second"))
    disk.going_on.set()
    await ending
    assert writing.cancelled()
    assert contents(tmp_path) == {}
    await target.write("a", 10, {}, in_one(b"the second"))
    assert contents(tmp_path) == {"a": b"the second"}


async def test_a_copy_that_is_cancelled_at_once_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that is cancelled while a thread opens and locks its unfinished file leaves no file."""
    opened, lock = threading.Event(), fcntl.flock

    def lock_slowly(descriptor: int, operation: int) -> None:
        opened.set()
        time.sleep(0.5)
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", lock_slowly)
    writing = asyncio.create_task(FolderTarget(tmp_path, 0o600).write("a", 4, {}, in_one(b"data")))
    await asyncio.to_thread(opened.wait, 60.0)
    await end(writing)
    assert contents(tmp_path) == {}


async def test_an_unfinished_copy_has_a_name_that_no_key_is(tmp_path: Path) -> None:
    target, first = FolderTarget(tmp_path, 0o600), Halting(b"first ", b"copy")
    writing = asyncio.create_task(target.write("a", 10, {}, first.chunks()))
    await first.halted.wait()
    (unfinished,) = contents(tmp_path)
    with pytest.raises(BadJob):
        Copy({"here": target}).check({"to": "here", "key": unfinished})
    first.going_on.set()
    await writing


async def test_a_copy_whose_file_was_replaced_moves_nothing(tmp_path: Path) -> None:
    """A copy whose unfinished file another program has replaced fails with PassingFault and leaves the other program's
    file."""
    target, first = FolderTarget(tmp_path, 0o600), Halting(b"first ", b"copy")
    writing = asyncio.create_task(target.write("a", 10, {}, first.chunks()))
    await first.halted.wait()
    (unfinished,) = contents(tmp_path)
    (tmp_path / unfinished).unlink()
    (tmp_path / unfinished).write_bytes(b"of another")
    first.going_on.set()
    with pytest.raises(PassingFault):
        await writing
    assert contents(tmp_path) == {unfinished: b"of another"}


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
    async with serving(tmp_path, environment=bucket.environment, **chosen) as server:
        client, data = JobClient(session, server), random_bytes(size)
        upload = await client.uploaded(data)
        job = await client.do(upload, "copy", {"to": place, "key": f"a/{upload}"})
        assert job["result"] == {"to": place, "key": f"a/{upload}", "bytes": size}, job
        assert seaweed.client().get_object(Bucket=seaweed.bucket, Key=f"copies/a/{upload}")["Body"].read() == data


@pytest.mark.parametrize("trouble", [error(500, "InternalError"), after_forwarding(reset())], ids=["failed", "lost"])
async def test_an_older_copy_of_the_same_length_is_no_success(
    seaweed: SeaweedFS, session: aiohttp.ClientSession, tmp_path: Path, trouble: Action
) -> None:
    bucket, key = Bucket(seaweed), uuid4().hex
    place, size = f"s3://{seaweed.bucket}/copies", 9 * 1024 * 1024
    seaweed.client().put_object(Bucket=seaweed.bucket, Key=f"copies/{key}", Body=bytes(size))
    async with S3Proxy(seaweed.endpoint) as s3:
        chosen = {**bucket.settings, "s3_endpoint_url": s3.endpoint, "state": "memory:", "jobs": True}
        async with serving(
            tmp_path, environment=bucket.environment, jobs_attempts=1, jobs_copy_to=place, **chosen
        ) as server:
            client, data = JobClient(session, server), random_bytes(size)
            upload = await client.uploaded(data)
            s3.faults.rule("CompleteMultipartUpload", None, trouble)
            job = await client.do(upload, "copy", {"to": place, "key": key})
            s3.faults.clear()
            stored = seaweed.client().get_object(Bucket=seaweed.bucket, Key=f"copies/{key}")["Body"].read()
            assert (job["phase"] == "done") is (stored == data)


@pytest.mark.parametrize(("operation", "trouble"), [("UploadPart", stall()), ("CreateMultipartUpload", answer_late)])
async def test_a_cancelled_copy_aborts_its_multipart_upload(
    seaweed: SeaweedFS, session: aiohttp.ClientSession, tmp_path: Path, operation: str, trouble: Action
) -> None:
    """If a copy is cancelled while its UploadPart gets no answer or its CreateMultipartUpload a late one, nothing of
    the copy remains in the bucket once the DELETE of the job is answered, although AbortMultipartUpload takes a
    second."""
    async with S3Proxy(seaweed.endpoint) as s3:
        bucket, copies = Bucket(seaweed, endpoint=s3.endpoint), Bucket(seaweed)
        place, chosen = (
            f"s3://{seaweed.bucket}/{copies.prefix[:-1]}",
            {**bucket.settings, "state": "memory:", "jobs": True},
        )
        async with serving(tmp_path, environment=bucket.environment, jobs_copy_to=place, **chosen) as server:
            client = JobClient(session, server)
            upload = await client.uploaded(bytes(9 * 1024 * 1024))
            s3.faults.rule(operation, None, trouble)
            s3.faults.rule("AbortMultipartUpload", None, delay(1.0))
            calls, job = s3.counts()[operation], await client.submit(upload, "copy", {"to": place})
            await until(lambda: s3.counts()[operation] > calls)
            assert (await client.cancel(job["id"])).status == 204
            assert copies.residue() == []
