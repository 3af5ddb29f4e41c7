"""Scans: as jobs, and before an upload is finished."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from devtools.clamd import MALICE, FakeClamd, fake_clamd
from tests.jobs.asking import JobClient, until, until_so
from tests.jobs.scanning import refusal, serve
from tests.support.installation import Start
from tests.support.writing import random_bytes

BAD = random_bytes(300_000) + MALICE + random_bytes(300_000)
GOOD = random_bytes(600_000)


@pytest.fixture
async def clamd() -> AsyncIterator[FakeClamd]:
    async with fake_clamd() as running:
        yield running


async def scan_of(client: JobClient, upload: str) -> object:
    """Return the member `scan` of the upload in the listing, which is None if no scan was asked for; "gone" if the
    upload isn't listed."""
    answer = await client.send("GET", f"{client.origin}/uploads?format=json", None, {})
    scans = {row["id"]: row["scan"] for row in json.loads(answer.body)["uploads"]}
    return scans.get(upload, "gone")


CLEAN = {"verdict": "clean", "name": None, "reason": None}


async def test_a_scan_is_a_job(start: Start, session: aiohttp.ClientSession, clamd: FakeClamd) -> None:
    client = await serve(start, session, clamd, silence="60s", clamd_max_size="1MB")
    good, bad, long = [await client.uploaded(data) for data in (GOOD, BAD, random_bytes(1_000_001))]
    assert await scan_of(client, good) is None

    clamd.allowed.clear()
    submitted = await client.submit(good, "scan")
    assert await scan_of(client, good) == {**CLEAN, "verdict": "pending"}
    clamd.allowed.set()
    job = await client.ended(submitted["id"])
    assert job["result"] == {**CLEAN, "bytes": len(GOOD)}
    assert await scan_of(client, good) == CLEAN

    checksum_job = await client.submit(bad, "checksum")
    await client.ended(checksum_job["id"])
    job = await client.do(bad, "scan")
    assert (job["phase"], job["result"]["verdict"], job["result"]["name"]) == ("done", "found", "Eicar")
    assert (await client.get(f"{client.url}{bad}")).status == 410

    job = await client.do(long, "scan")
    assert job["result"] == {"verdict": "unscanned", "name": None, "reason": "size-limit", "bytes": 1_000_001}
    assert await scan_of(client, long) == {"verdict": "unscanned", "name": None, "reason": "size-limit"}
    assert clamd.streams == [len(GOOD), len(BAD)]


async def test_a_stream_that_clamd_breaks_off_as_too_long_is_unscanned(
    start: Start, session: aiohttp.ClientSession, clamd: FakeClamd
) -> None:
    clamd.limit = 200_000
    client = await serve(start, session, clamd)
    job = await client.do(await client.uploaded(random_bytes(20_000_000)), "scan")
    assert job["result"] == {"verdict": "unscanned", "name": None, "reason": "size-limit", "bytes": 20_000_000}


@pytest.mark.parametrize("fault", ["silent", "broken", "refusing"])
async def test_a_scanner_that_fails_each_attempt_fails_the_job(
    start: Start, session: aiohttp.ClientSession, clamd: FakeClamd, fault: str
) -> None:
    setattr(clamd, fault, True)
    client = await serve(start, session, clamd, jobs_attempts=2)
    upload = await client.uploaded(GOOD)
    job = await client.do(upload, "scan")
    assert (job["phase"], job["attempt"], job["error"]["code"]) == ("failed", 2, "scanner-unavailable")
    assert await scan_of(client, upload) == {"verdict": "failed", "name": None, "reason": "scanner-unavailable"}
    assert (await client.get(f"{client.url}{upload}")).body == GOOD


async def test_a_scanner_that_comes_back_is_asked_again(
    start: Start, session: aiohttp.ClientSession, clamd: FakeClamd
) -> None:
    clamd.refusing = True
    client = await serve(start, session, clamd)
    submitted = await client.submit(await client.uploaded(GOOD), "scan")

    async def failed_once() -> bool:
        job = await client.job(submitted["id"])
        return (job["attempt"], job["phase"]) == (1, "queued")

    await until_so(failed_once)
    clamd.refusing = False
    job = await client.ended(submitted["id"])
    assert (job["phase"], job["result"]["verdict"]) == ("done", "clean")
    assert job["attempt"] > 1


async def test_before_its_finish_an_upload_is_scanned(
    start: Start, session: aiohttp.ClientSession, clamd: FakeClamd
) -> None:
    client = await serve(start, session, clamd, silence="60s", scan_before_finish=True, clamd_max_size="1MB")
    url = await client.create(len(GOOD))
    clamd.allowed.clear()
    patching = asyncio.create_task(client.patch(url, 0, GOOD))
    await until(lambda: bool(clamd.streams))
    upload = url.rpartition("/")[2]
    assert await scan_of(client, upload) == {**CLEAN, "verdict": "pending"}
    assert (await client.get(url)).status == 404
    assert (await client.head(url)).status == 423
    clamd.allowed.set()
    assert (await patching).status == 204
    assert await scan_of(client, upload) == CLEAN
    assert (await client.get(url)).body == GOOD


async def test_what_is_found_before_the_finish_ends_the_upload(
    start: Start, session: aiohttp.ClientSession, clamd: FakeClamd
) -> None:
    client = await serve(start, session, clamd, scan_before_finish=True)
    url = await client.create(len(BAD))
    assert (await client.patch(url, 0, BAD[:400_000])).status == 204
    assert refusal(await client.patch(url, 400_000, BAD[400_000:])) == (422, b"infected")
    assert (await client.head(url)).status == 410
    assert refusal(await client.try_create(len(BAD), BAD)) == (422, b"infected")
    answer = await client.send("GET", f"{client.origin}/uploads?format=json", None, {})
    assert json.loads(answer.body)["uploads"] == []


async def test_what_cant_be_scanned_is_refused_before_its_bytes_come(
    start: Start, session: aiohttp.ClientSession, clamd: FakeClamd
) -> None:
    client = await serve(start, session, clamd, scan_before_finish=True, clamd_max_size="1MB", max_size="2MB")
    assert (await client.request("OPTIONS", client.url)).headers["Tus-Max-Size"] == "1000000"
    assert refusal(await client.try_create(1_000_001)) == (413, b"too-large")
    url = await client.create(None)
    assert refusal(await client.patch(url, 0, random_bytes(1_000_001))) == (413, b"too-large")


async def test_what_clamd_itself_refuses_is_unscanned(
    start: Start, session: aiohttp.ClientSession, clamd: FakeClamd
) -> None:
    clamd.limit = 100_000
    client = await serve(start, session, clamd, scan_before_finish=True)
    url = await client.create(len(GOOD))
    assert refusal(await client.patch(url, 0, GOOD)) == (422, b"unscanned")
    assert (await client.head(url)).status == 410


async def test_what_cant_be_scanned_is_accepted_if_that_is_set(
    start: Start, session: aiohttp.ClientSession, clamd: FakeClamd
) -> None:
    client = await serve(
        start, session, clamd, scan_before_finish=True, clamd_max_size="100kB", scan_unscanned="accept"
    )
    upload = await client.uploaded(GOOD)
    assert await scan_of(client, upload) == {"verdict": "unscanned", "name": None, "reason": "size-limit"}
    assert (await client.get(f"{client.url}{upload}")).body == GOOD


async def test_without_a_scanner_the_upload_waits(
    start: Start, session: aiohttp.ClientSession, clamd: FakeClamd
) -> None:
    clamd.refusing = True
    client = await serve(start, session, clamd, scan_before_finish=True)
    url = await client.create(len(GOOD))
    answer = await client.patch(url, 0, GOOD)
    assert refusal(answer) == (503, b"scanner-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert (await client.head(url)).status == 423
    assert refusal(await client.patch(url, len(GOOD), b"")) == (503, b"scanner-unavailable")
    clamd.refusing = False
    assert (await client.patch(url, len(GOOD), b"")).status == 204
    assert (await client.get(url)).body == GOOD


async def test_a_sweep_scans_what_waits(start: Start, session: aiohttp.ClientSession, clamd: FakeClamd) -> None:
    clamd.refusing = True
    client = await serve(start, session, clamd, scan_before_finish=True)
    urls = [await client.create(len(data)) for data in (GOOD, BAD)]
    for url, data in zip(urls, (GOOD, BAD), strict=True):
        assert refusal(await client.patch(url, 0, data)) == (503, b"scanner-unavailable")
    clamd.refusing = False

    async def decided() -> bool:
        return [(await client.head(url)).status for url in urls] == [200, 410]

    await until_so(decided)
    assert (await client.get(urls[0])).body == GOOD
