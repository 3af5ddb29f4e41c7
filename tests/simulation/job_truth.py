"""Checks of all jobs at the end of an experiment."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import zipfile
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.simulation.crew import ENDPOINT, orders
from tests.simulation.network import at_once
from tests.simulation.scanner import VIRUS
from tusd_py.domain.job import EXPORT, Job, JobPhase
from tusd_py.domain.scan import Verdict
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.jobs.on_finish import NAME
from tusd_py.ports.jobs import JobSelection

if TYPE_CHECKING:
    from tests.simulation.world import World

_TIRED = frozenset({"unavailable", "interrupted", "scanner-unavailable"})
"""The error codes of jobs that failed for a fault elsewhere, not for their own content."""
_PATIENT = 12
"""The number of attempts that outlasts every single fault."""


class Untrue(AssertionError):
    """A broken promise about jobs, such as a job that is lost, never ends, runs twice at a time, fails without a
    reason, or reports what isn't true."""


def all_jobs(world: World) -> list[Job]:
    return list(at_once(world.records.jobs.list(JobSelection(), None, 1000)))


async def await_jobs(world: World, seconds: float) -> None:
    """Wait until each job has ended and was cleared up after, and each event that may start or cancel one was
    delivered. Meanwhile start crashed nodes again, and have both look for events every second, as they do in
    production.

    Raises Untrue after `seconds`.
    """
    give_up = world.loop.time() + seconds
    while not _are_all_done(world):
        if world.loop.time() > give_up:
            raise Untrue(f"never done: {all_jobs(world)}")
        for node in (world.node(0), world.node(1)):
            node.machine.hear(node.teller.wake)
        await asyncio.sleep(1.0)


def _are_all_done(world: World) -> bool:
    backlogs = at_once(world.records.outbox.backlogs())
    delivered = not any(backlog.pending or backlog.dead for backlog in backlogs if backlog.sink == NAME)
    return delivered and all(job.ended and job.due_at is None for job in all_jobs(world))


def check_jobs(world: World) -> None:
    """Check that no broken promise was recorded of any attempt at a job (`Ledger.faults`), that no job is lost, begun
    twice or without end, and that each one's outcome is true; also that no upload is an export that no job names, is
    infected, or waits for a verdict though it is done. Do nothing if the scenario's `Setup` has no jobs. Raises
    Untrue."""
    if not world.setup.jobs:
        return
    if world.ledger.faults:
        raise Untrue(world.ledger.faults)
    jobs, uploads = all_jobs(world), world.uploads()
    if missing := (world.ledger.known_ids | _begun_by_finish(world)) - {job.id for job in jobs}:
        raise Untrue(f"jobs are lost: {missing}")
    for job in jobs:
        _check(world, job)
    counts = Counter((job.upload_id, job.kind) for job in jobs if job.id not in world.ledger.requested_ids)
    if doubled := [begun_pair for begun_pair, count in counts.items() if count > 1]:
        raise Untrue(f"begun twice: {doubled}")
    products = {job.result["upload_id"] for job in jobs if job.kind == EXPORT and job.result is not None}
    if strays := {upload.id for upload in uploads.values() if "name" not in upload.metadata} - products:
        raise Untrue(f"exports that no job names: {strays}")
    if infected := [upload.id for upload in uploads.values() if _content(world, upload) in world.infected]:
        raise Untrue(f"infected, and still there: {infected}")
    if unanswered := [upload.id for upload in uploads.values() if upload.done and _is_pending(upload)]:
        raise Untrue(f"a verdict that never comes: {unanswered}")


def _is_pending(upload: Upload) -> bool:
    return upload.scan is not None and upload.scan.verdict is Verdict.PENDING


def _begun_by_finish(world: World) -> set[str]:
    """Return the ids of the jobs that finished uploads get by the setup's `on_finish`; partial uploads and exports get
    none."""
    clients = [upload for upload in world.uploads().values() if "name" in upload.metadata]
    configured_jobs = orders(world.setup.on_finish)
    return {
        order.id_for(upload.id) for upload in clients if upload.kind is not Kind.PARTIAL for order in configured_jobs
    }


def _check(world: World, job: Job) -> None:
    if not job.ended or job.due_at is not None or job.product_ids:
        raise Untrue(f"it never ends: {job}")
    if job.id in world.ledger.cancelled and job.phase is not JobPhase.CANCELLED:
        raise Untrue(f"told cancelled, but it is {job.phase}")
    if world.calm and job.attempt > 1:
        raise Untrue(f"tried again without a reason: {job}")
    match job.phase:
        case JobPhase.DONE:
            _CHECKS[job.kind](world, job)
        case JobPhase.FAILED:
            _check_failure(world, job)
        case JobPhase.CANCELLED:
            infected = job.kind == "scan" and world.infected
            if job.id not in world.ledger.unwanted and (infected or job.upload_id in world.uploads()):
                raise Untrue(f"cancelled without a reason: {job}")


def _check_failure(world: World, job: Job) -> None:
    error = job.error or {}
    if error["code"] == "missing-member" and error["upload_id"] not in world.uploads():
        return
    if error["code"] not in _TIRED or world.setup.attempts >= _PATIENT or world.calm:
        raise Untrue(f"failed without a reason: {job}")


def _check_checksum(world: World, job: Job) -> None:
    upload = world.uploads().get(job.upload_id or UploadId(""))
    content = b"" if upload is None else _content(world, upload)
    if upload is not None and _result(job) != {
        "bytes": len(content),
        "digests": {name: hashlib.new(name, content).hexdigest() for name in job.args["algorithms"]},
    }:
        raise Untrue(f"another checksum: {job}")


def _check_scan(world: World, job: Job) -> None:
    upload, result = world.uploads().get(job.upload_id or UploadId("")), _result(job)
    if result["verdict"] == Verdict.FOUND:
        if upload is not None or result["name"] != VIRUS:
            raise Untrue(f"infected, and still there: {job}")
    elif upload is not None and (upload.scan is None or upload.scan.verdict != result["verdict"]):
        if upload.scan is None and _is_cancelled_again(world, job):
            return  # `pending` had taken the verdict's place
        raise Untrue(f"{upload.scan} is recorded, but the job says {result}")


def _is_cancelled_again(world: World, scan: Job) -> bool:
    """Return True if another scan of the upload was cancelled."""
    scans = [job for job in all_jobs(world) if job.kind == scan.kind and job.upload_id == scan.upload_id]
    return any(job.phase is JobPhase.CANCELLED for job in scans)


def _check_export(world: World, job: Job) -> None:
    result = _result(job)
    uploads = world.uploads()
    upload = uploads.get(result["upload_id"])
    if upload is None or not upload.done or result["url"] != f"{ENDPOINT}{upload.id}":
        raise Untrue(f"done, but there is no upload: {result}")
    archive = _stored(world, upload)
    if result["length"] != len(archive) or upload.metadata["filename"].decode() != result["filename"]:
        raise Untrue(f"not what was told: {result} {upload}")
    members = _members(archive) if job.args["format"] == "zip" else _lines(archive)
    expected = set(job.args["ids"]) if "ids" in job.args else set(members)
    lacking = (expected | world.ledger.due_members.get(job.id, set())) - members.keys()
    if len(members) != result["members"] or members.keys() - expected or lacking & (expected | uploads.keys()):
        raise Untrue(f"other members: {result} {members}")
    if any(content not in (None, _expected(world, id_)) for id_, content in members.items()):
        raise Untrue(f"other bytes: {result} {members}")


def _expected(world: World, upload_id: UploadId) -> bytes | None:
    """Return the bytes of an upload that is or was there. For one whose record is gone, None if no client was ever told
    that it is complete."""
    record = world.record(upload_id)
    return world.finished.get(upload_id) if record is None else _content(world, record)


def _members(archive: bytes) -> dict[UploadId, bytes | None]:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return {UploadId(name): file.read(name) for name in file.namelist()}


def _lines(listing: bytes) -> dict[UploadId, bytes | None]:
    rows = [json.loads(line) for line in listing.splitlines()]
    return {row["id"]: None for row in rows if "id" in row}


def _result(job: Job) -> dict[str, Any]:
    if job.result is None or job.error is not None:
        raise Untrue(f"done without a result: {job}")
    return dict(job.result)


def _content(world: World, upload: Upload) -> bytes:
    name = upload.metadata.get("name")
    return _stored(world, upload) if name is None else world.contents[name]


def _stored(world: World, upload: Upload) -> bytes:
    return world.bucket.objects[upload.cursor["key"]].content


_CHECKS = {"checksum": _check_checksum, "scan": _check_scan, EXPORT: _check_export}
