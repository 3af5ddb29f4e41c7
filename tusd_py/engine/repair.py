"""Repair: it compares all records with the whole storage, reports differences, and mends them on request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from tusd_py.domain.errors import Locked, Superseded, Unavailable, UploadLost
from tusd_py.domain.hook_refusals import HookFailed
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import NameTaken
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine import repair_steps
from tusd_py.engine.engine import Engine
from tusd_py.engine.garbage_collection import collect_garbage
from tusd_py.engine.installation import end_grace_period
from tusd_py.ports.inspection import Inspection, Leftover


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference between records and storage."""

    upload_id: UploadId
    problem: str
    remedy: str
    """The upload's state after mending, as a participle: `rebuilt`."""
    mend: Callable[[], Awaitable[str]]
    """The function that mends the difference, and returns the upload's state as a participle. Raises Locked,
    Superseded, NameTaken, HookFailed, Unavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """The outcome of one difference between records and storage (`Finding`): a sentence for an operator, and `done`,
    True if the difference was mended."""

    upload_id: UploadId
    sentence: str
    done: bool


async def repair(engine: Engine, *, apply: bool) -> AsyncIterator[Mended]:
    """Yield the outcome of each difference between records and storage; with `apply`, mend it first. Uploads that are
    in use are not mended.

    With `apply`, if all differences were mended, or there were none, the grace period of the installation ends, in
    which garbage collection removes no leftover.

    Raises StateUnavailable, StorageUnavailable, WrongPair if the comparison can't continue.
    """
    all_mended = apply
    async for finding in _examine(engine):
        outcome, done = await _mend(finding) if apply else (f"would be {finding.remedy}", False)
        all_mended = all_mended and done
        yield Mended(upload_id=finding.upload_id, sentence=f"{finding.problem}: {outcome}", done=done)
    if all_mended:
        await end_grace_period(engine)


async def _mend(finding: Finding) -> tuple[str, bool]:
    try:
        return await finding.mend(), True
    except (Locked, Superseded):
        return f"not {finding.remedy}, as it is in use", False
    except NameTaken:
        return f"not {finding.remedy}: another upload has its name or key by now", False
    except HookFailed:
        return f"not {finding.remedy}: a server asks a hook first", False
    except Unavailable as error:
        return f"not {finding.remedy}: {error}", False


async def _examine(engine: Engine) -> AsyncIterator[Finding]:
    """Yield the differences: records that don't match their bytes, uploads that are still to be finished or removed,
    stored uploads without a record, and orphans."""
    async for finding in _check_records(engine):
        yield finding
    rebuilt = set[UploadId]()
    async for finding in _find_unrecorded(engine):
        rebuilt.add(finding.upload_id)
        yield finding
    async for leftover in collect_garbage(engine, dry_run=True):
        if leftover.upload_id not in rebuilt:
            yield Finding(
                upload_id=leftover.upload_id,
                problem=f"nothing needs {leftover.name}",
                remedy="removed",
                mend=partial(repair_steps.remove_leftover, engine, leftover),
            )


async def _check_records(engine: Engine) -> AsyncIterator[Finding]:
    after: UploadId | None = None
    while page := await engine.state.list(after, engine.thresholds.page):
        after = page[-1].id
        for upload in page:
            if await _check(engine, upload) and (finding := await _check_locked(engine, upload.id)):
                yield finding


async def _check_locked(engine: Engine, upload_id: UploadId) -> Finding | None:
    """Check the upload once more under its lock, as it may have been in use at the first check; return the difference
    to mend. None if the upload is locked, needs no repair or has no record any more. Raises Unavailable."""
    with suppress(Locked):
        async with engine.hold(upload_id, wait=0):
            upload = await engine.state.load(upload_id)
            return None if upload is None else await _check(engine, upload)
    return None


async def _check(engine: Engine, upload: Upload) -> Finding | None:
    match upload.phase:
        case Phase.OPEN | Phase.DONE:
            return await _verify(engine, upload)
        case Phase.FINISHING:
            return await _verify(engine, upload) or _unfinished(engine, upload)
        case Phase.TERMINATING:
            mend = partial(repair_steps.remove, engine, upload)
            problem = "it has ended, but is not all removed"
            return Finding(upload_id=upload.id, problem=problem, remedy="removed", mend=mend)
        case _:
            return None


def _unfinished(engine: Engine, upload: Upload) -> Finding:
    problem, mend = "all its bytes are recorded, but it isn't finished", partial(repair_steps.finish, engine, upload)
    return Finding(upload_id=upload.id, problem=problem, remedy="finished", mend=mend)


async def _verify(engine: Engine, upload: Upload) -> Finding | None:
    try:
        survey = await engine.storage.survey(upload, await engine.state.entries(upload.id))
    except UploadLost:
        problem = "its object is gone, or is another" if upload.done else "what was stored of it is gone"
        return Finding(
            upload_id=upload.id, problem=problem, remedy="ended", mend=partial(repair_steps.end, engine, upload)
        )
    if survey.upload == upload:
        return None
    if survey.upload.done:
        problem, remedy, step = "its object is there, but its record is older", "finished", repair_steps.catch_up
    else:
        problem, remedy, step = (
            "bytes that were recorded are gone",
            "taken back to what is there",
            repair_steps.take_back,
        )
    return Finding(upload_id=upload.id, problem=problem, remedy=remedy, mend=partial(step, engine, upload, survey))


async def _find_unrecorded(engine: Engine) -> AsyncIterator[Finding]:
    inspection = engine.storage.inspection
    if inspection is None:
        return
    for upload_id, leftovers in (await _unrecorded(engine, inspection)).items():
        recovered = await inspection.recover(upload_id, leftovers)
        if recovered is not None:
            yield Finding(
                upload_id=upload_id,
                problem=f"no record of it, but {recovered.upload.offset} bytes of it are stored",
                remedy="rebuilt",
                mend=partial(repair_steps.rebuild, engine, recovered),
            )


async def _unrecorded(engine: Engine, inspection: Inspection) -> dict[UploadId, list[Leftover]]:
    """Return the leftovers of uploads without a record, by upload. A record is created before the upload's first byte
    is stored, so none of these uploads is one that was just created."""
    by_upload = dict[UploadId, list[Leftover]]()
    async for leftover in inspection.leftovers():
        by_upload.setdefault(leftover.upload_id, []).append(leftover)
    return {
        upload_id: leftovers for upload_id, leftovers in by_upload.items() if await engine.state.load(upload_id) is None
    }
