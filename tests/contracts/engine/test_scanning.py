"""Scans: what becomes of an upload by the verdict, before its finish and afterwards."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.direct_access import ScriptedAccess
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating
from tests.support.jobs import job
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.errors import Unavailable
from tusd_py.domain.events import Reason
from tusd_py.domain.intents import Begin
from tusd_py.domain.job import JobPhase
from tusd_py.domain.phase import Phase
from tusd_py.domain.scan import Scan, Verdict
from tusd_py.domain.scan_refusals import Infected, ScannerUnavailable, Unscanned
from tusd_py.domain.upload import Upload
from tusd_py.engine import repair_steps
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.direct import announce
from tusd_py.engine.engine import Screening
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.lookup import inspect
from tusd_py.engine.scanning import announce_job, record_scan, withdraw_pending
from tusd_py.ports.body import BodyEnd

CLEAN, PENDING = Scan(verdict=Verdict.CLEAN), Scan(verdict=Verdict.PENDING)
FAILED = Scan(verdict=Verdict.FAILED, reason="scanner-unavailable")
FOUND, TOO_LARGE = Scan(verdict=Verdict.FOUND, name="Eicar"), Scan(verdict=Verdict.UNSCANNED, reason="size-limit")


class ScriptedScanner:
    """A scanner that keeps each content, and returns `verdict` or, if that is None, raises ScannerUnavailable."""

    def __init__(self) -> None:
        self.verdict: Scan | None = CLEAN
        self.contents = list[bytes]()

    async def scan(self, size: int, chunks: AsyncGenerator[bytes, None]) -> Scan:
        content = b"".join([chunk async for chunk in chunks])
        assert len(content) == size
        self.contents.append(content)
        if self.verdict is None:
            raise ScannerUnavailable
        return self.verdict


@pytest.fixture
def scanner(harness: Harness) -> ScriptedScanner:
    scanner = ScriptedScanner()
    harness.engine = replace(harness.engine, screening=Screening(scanner=scanner, accepts_unscanned=False))
    return scanner


async def whole(harness: Harness) -> Upload:
    return await create(harness.engine, creating(3, body=True), ScriptedBody(b"abc"))


async def test_a_clean_upload_is_finished_with_its_verdict(harness: Harness, scanner: ScriptedScanner) -> None:
    done = await whole(harness)
    assert (done.phase, done.scan) == (Phase.DONE, CLEAN)
    assert scanner.contents == [b"abc"]


@pytest.mark.parametrize(
    ("verdict", "refusal", "reason"), [(FOUND, Infected, Reason.INFECTED), (TOO_LARGE, Unscanned, Reason.UNSCANNED)]
)
async def test_a_verdict_against_it_ends_the_upload(
    harness: Harness, scanner: ScriptedScanner, verdict: Scan, refusal: type[Exception], reason: Reason
) -> None:
    scanner.verdict = verdict
    with pytest.raises(refusal):
        await whole(harness)
    assert await harness.residue() == []
    assert [event.reason for event in harness.observer.changes] == [None, reason]


async def test_what_is_not_scanned_is_finished_if_that_is_accepted(harness: Harness, scanner: ScriptedScanner) -> None:
    scanner.verdict = TOO_LARGE
    harness.engine = replace(harness.engine, screening=Screening(scanner=scanner, accepts_unscanned=True))
    done = await whole(harness)
    assert (done.phase, done.scan) == (Phase.DONE, TOO_LARGE)


async def test_without_an_answer_the_upload_waits(harness: Harness, scanner: ScriptedScanner) -> None:
    scanner.verdict, created = None, await create(harness.engine, creating(3), ScriptedBody())
    with pytest.raises(ScannerUnavailable):
        await append(harness.engine, created.id, appending(0), ScriptedBody(b"abc"))
    upload = await harness.record(created)
    assert (upload.phase, upload.scan, upload.asked_at) == (Phase.FINISHING, PENDING, harness.now)
    assert harness.observer.count("finished") == 0
    scanner.verdict, harness.now = CLEAN, harness.now + 3600
    harness.engine = replace(harness.engine, screening=None)
    assert (await inspect(harness.engine, upload.id)).done


async def test_a_scanner_that_is_away_delays_no_other_upload(
    harness: Harness, access: ScriptedAccess, scanner: ScriptedScanner
) -> None:
    """A sweep that finds an awaited object, and can't have it scanned, goes on with what has expired."""
    del access
    arrived = await announce(harness.engine, Begin(mode=DirectMode.WHOLE))
    harness.storage._objects[arrived.id] = b"abc"
    scanner.verdict, expired = None, await create(harness.engine, creating(3), ScriptedBody())
    harness.now += 100
    assert await sweep(harness.engine) == 1
    assert [upload.id for upload in await harness.uploads()] == [arrived.id]
    assert [trouble for trouble, _ in harness.observer.troubles] == ["finish failed"]
    scanner.verdict, harness.now = CLEAN, harness.now + 60
    await sweep(harness.engine)
    assert (await harness.record(arrived)).done
    assert await harness.state.load(expired.id) is None


@pytest.mark.parametrize("verdict", [CLEAN, TOO_LARGE])
async def test_a_verdict_on_a_finished_upload_is_recorded(harness: Harness, verdict: Scan) -> None:
    done = await whole(harness)
    await record_scan(harness.engine, done.id, verdict)
    recorded = await harness.record(done)
    assert (recorded.phase, recorded.scan) == (Phase.DONE, verdict)
    assert recorded.times == done.times


@pytest.mark.parametrize("verdict", [FAILED, None])
async def test_only_a_pending_verdict_is_withdrawn(harness: Harness, verdict: Scan | None) -> None:
    done = await whole(harness)
    await record_scan(harness.engine, done.id, PENDING)
    await withdraw_pending(harness.engine, done.id, verdict)
    assert (await harness.record(done)).scan == verdict
    await record_scan(harness.engine, done.id, CLEAN)
    await withdraw_pending(harness.engine, done.id, verdict)
    assert (await harness.record(done)).scan == CLEAN
    await withdraw_pending(harness.engine, harness.engine.new_id(), verdict)


async def test_an_infected_one_is_ended(harness: Harness) -> None:
    done = await whole(harness)
    await record_scan(harness.engine, done.id, FOUND)
    assert await harness.residue() == []
    assert harness.observer.changes[-1].reason is Reason.INFECTED


@pytest.mark.parametrize(
    ("stored", "verdict"),
    [
        ({}, PENDING),
        ({"phase": JobPhase.RUNNING, "attempt": 3}, PENDING),
        ({"result": {"verdict": "clean"}}, CLEAN),
        ({"phase": JobPhase.CANCELLED}, CLEAN),
        (None, CLEAN),
    ],
)
async def test_a_job_that_can_replace_it_makes_a_verdict_pending(
    harness: Harness, stored: dict[str, Any] | None, verdict: Scan
) -> None:
    done = await whole(harness)
    await record_scan(harness.engine, done.id, CLEAN)
    if stored is not None:
        await harness.state.jobs.create(job(1, upload_id=done.id, **stored))
    await announce_job(harness.engine, done.id, job(1).id)
    assert (await harness.record(done)).scan == verdict


async def test_a_late_or_early_verdict_is_not_recorded(harness: Harness) -> None:
    done = await whole(harness)
    unfinished = await create(harness.engine, creating(3), ScriptedBody())
    for upload in (unfinished.id, replace(done, id=harness.engine.new_id()).id):
        await record_scan(harness.engine, upload, FOUND)
    assert await harness.record(unfinished) == unfinished


async def test_a_repair_says_what_a_scan_decides(harness: Harness, scanner: ScriptedScanner) -> None:
    """A repair that finishes an upload tells that a scan refused its bytes, or that the scanner doesn't answer."""
    upload = await create(harness.engine, creating(3, body=True), ScriptedBody(b"ab", end=BodyEnd.CUT))
    harness.storage._parts[upload.id] += b"c"
    full = await harness.state.save(replace(upload, offset=3, phase=Phase.FINISHING))
    scanner.verdict = None
    with pytest.raises(Unavailable, match="can't be scanned"):
        await repair_steps.finish(harness.engine, full)
    scanner.verdict = FOUND
    full = await harness.record(full)
    assert await repair_steps.finish(harness.engine, full) == "ended, as a scan refused its bytes"
    assert await harness.residue() == []
