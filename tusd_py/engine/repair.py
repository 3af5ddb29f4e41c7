"""Where records and storage disagree: found by comparing all of both, said in words, and mended if asked to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from tusd_py.domain.errors import Locked, Superseded, Unavailable, UploadLost
from tusd_py.domain.upload import Phase, Upload, UploadId
from tusd_py.engine import repair_steps
from tusd_py.engine.engine import Engine
from tusd_py.engine.garbage import tidy
from tusd_py.engine.installation import release
from tusd_py.ports.storage import Leftover


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One disagreement."""

    upload_id: UploadId
    problem: str
    remedy: str
    """What the upload would be, as a participle: `rebuilt`."""
    mend: Callable[[], Awaitable[str]]
    """Returns what the upload is now, in the same form. Raises Locked, Superseded, Unavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What became of a finding."""

    upload_id: UploadId
    sentence: str
    done: bool


async def repair(engine: Engine, *, apply: bool) -> AsyncIterator[Mended]:
    """All findings, mended if `apply`. Uploads that are in use are passed over.

    Once all are mended, garbage may be collected again.

    Raises StateUnavailable, StorageUnavailable when the comparison itself can't go on.
    """
    well = apply
    async for finding in _examine(engine):
        outcome, done = await _mended(finding) if apply else (f"would be {finding.remedy}", False)
        well = well and done
        yield Mended(upload_id=finding.upload_id, sentence=f"{finding.problem}: {outcome}", done=done)
    if well:
        await release(engine)


async def _mended(finding: Finding) -> tuple[str, bool]:
    try:
        return await finding.mend(), True
    except (Locked, Superseded):
        return f"not {finding.remedy}, as it is in use", False
    except Unavailable as error:
        return f"not {finding.remedy}: {error}", False


async def _examine(engine: Engine) -> AsyncIterator[Finding]:
    """What records say and the storage hasn't; what the storage has and no record says; what nobody needs."""
    async for finding in _of_records(engine):
        yield finding
    rebuilt = set[UploadId]()
    async for finding in _of_strangers(engine):
        rebuilt.add(finding.upload_id)
        yield finding
    async for leftover in tidy(engine, dry_run=True):
        if leftover.upload_id not in rebuilt:
            yield Finding(
                upload_id=leftover.upload_id,
                problem=f"nothing needs {leftover.name}",
                remedy="removed",
                mend=partial(repair_steps.tidy_up, engine, leftover),
            )


async def _of_records(engine: Engine) -> AsyncIterator[Finding]:
    after: UploadId | None = None
    while page := await engine.state.list(after, engine.thresholds.page):
        after = page[-1].id
        for upload in page:
            if await _judge(engine, upload) and (finding := await _judge_again(engine, upload.id)):
                yield finding


async def _judge_again(engine: Engine, upload_id: UploadId) -> Finding | None:
    """While nobody else has it: what looked wrong may just have been on its way."""
    with suppress(Locked):
        async with engine.hold(upload_id, wait=0):
            upload = await engine.state.load(upload_id)
            return None if upload is None else await _judge(engine, upload)
    return None


async def _judge(engine: Engine, upload: Upload) -> Finding | None:
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


async def _of_strangers(engine: Engine) -> AsyncIterator[Finding]:
    for upload_id, leftovers in (await _strangers(engine)).items():
        recovered = await engine.storage.recover(upload_id, leftovers)
        if recovered is not None:
            yield Finding(
                upload_id=upload_id,
                problem=f"no record of it, but {recovered.upload.offset} bytes of it are stored",
                remedy="rebuilt",
                mend=partial(repair_steps.rebuild, engine, recovered),
            )


async def _strangers(engine: Engine) -> dict[UploadId, list[Leftover]]:
    """What is stored of uploads that have no record. A record comes before the first byte, so none is merely new."""
    found = dict[UploadId, list[Leftover]]()
    async for leftover in engine.storage.leftovers():
        found.setdefault(leftover.upload_id, []).append(leftover)
    return {upload_id: theirs for upload_id, theirs in found.items() if await engine.state.load(upload_id) is None}
