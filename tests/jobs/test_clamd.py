"""Scans by a real clamd: its verdicts, its limits, and a restart of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from devtools.clamd import MALICE, Clamd
from tests.jobs.asking import until_so
from tests.jobs.scanning import refusal
from tests.jobs.scanning import serve as serve_by
from tests.support.installation import Start
from tests.support.parts import started
from tests.support.writing import random_bytes

STREAM, FILE = 600_000, 400_000
"""The most bytes of a stream that clamd accepts, and the most bytes of a file that it scans."""
LIMITS = (f"StreamMaxLength {STREAM}", f"MaxFileSize {FILE}", f"MaxScanSize {FILE}")
GOOD = random_bytes(FILE - 1)
BAD = random_bytes(100_000) + MALICE + random_bytes(100_000)


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    with started(Clamd(tmp_path_factory.mktemp("clamd"), *LIMITS, "AlertExceedsMax yes")) as running:
        yield running


serve = partial(serve_by, silence="5s")


async def test_the_verdict_of_a_job_is_clamds(start: Start, session: aiohttp.ClientSession, clamd: Clamd) -> None:
    client = await serve(start, session, clamd)
    good, bad, empty = [await client.uploaded(data) for data in (GOOD, BAD, b"")]
    for upload, size in ((good, len(GOOD)), (empty, 0)):
        job = await client.do(upload, "scan")
        assert job["result"] == {"verdict": "clean", "name": None, "reason": None, "bytes": size}
    job = await client.do(bad, "scan")
    assert (job["result"]["verdict"], job["result"]["name"]) == ("found", "Eicar.UNOFFICIAL")
    assert (await client.get(f"{client.url}{bad}")).status == 410


@pytest.mark.parametrize("size", [FILE + 1, STREAM, STREAM + 1, 20_000_000])
async def test_what_is_past_a_limit_of_clamd_is_unscanned(
    start: Start, session: aiohttp.ClientSession, clamd: Clamd, size: int
) -> None:
    """An upload larger than a limit of clamd gets the verdict `unscanned`, although it holds malware, and isn't
    removed."""
    client = await serve(start, session, clamd)
    upload = await client.uploaded(data := random_bytes(size - len(MALICE)) + MALICE)
    job = await client.do(upload, "scan")
    assert job["result"] == {"verdict": "unscanned", "name": None, "reason": "size-limit", "bytes": size}
    assert (await client.get(f"{client.url}{upload}")).body == data


async def test_before_its_finish_an_upload_is_judged(
    start: Start, session: aiohttp.ClientSession, clamd: Clamd
) -> None:
    client = await serve(start, session, clamd, scan_before_finish=True)
    assert (await client.try_create(len(GOOD), GOOD)).status == 201
    for data, code in ((BAD, b"infected"), (random_bytes(FILE + 1), b"unscanned")):
        assert refusal(await client.try_create(len(data), data)) == (422, code)


async def test_a_scan_waits_for_clamd_to_come_back(
    start: Start, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    with started(Clamd(tmp_path / "clamd")) as clamd:
        client = await serve(start, session, clamd, scan_before_finish=True)
        clamd.stop()
        url = await client.create(len(GOOD))
        assert (await client.patch(url, 0, GOOD)).status == 503
        clamd.start()

        async def finished() -> bool:
            return (await client.head(url)).status == 200

        await until_so(finished)
        assert (await client.get(url)).body == GOOD
