"""Where records and storage disagree: found by comparing all of both, said in words, and mended if asked to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from tusd_py.engine import mending
from tusd_py.engine.installation import release
from tusd_py.engine.ports import Ports
from tusd_py.engine.tidy import tidy
from tusd_py.errors import Locked, Superseded, Unavailable, UploadLost
from tusd_py.model import Phase, Upload, UploadId
from tusd_py.storage.base import Leftover


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


async def repair(ports: Ports, *, apply: bool) -> AsyncIterator[Mended]:
    """All findings, mended if `apply`. Uploads that are in use are passed over.

    Once all are mended, garbage may be collected again.

    Raises StateUnavailable, StorageUnavailable when the comparison itself can't go on.
    """
    well = apply
    async for finding in _examine(ports):
        outcome, done = await _mended(finding) if apply else (f"would be {finding.remedy}", False)
        well = well and done
        yield Mended(upload_id=finding.upload_id, sentence=f"{finding.problem}: {outcome}", done=done)
    if well:
        await release(ports)


async def _mended(finding: Finding) -> tuple[str, bool]:
    try:
        return await finding.mend(), True
    except (Locked, Superseded):
        return f"not {finding.remedy}, as it is in use", False
    except Unavailable as error:
        return f"not {finding.remedy}: {error}", False


async def _examine(ports: Ports) -> AsyncIterator[Finding]:
    """What records say and the storage hasn't; what the storage has and no record says; what nobody needs."""
    async for finding in _of_records(ports):
        yield finding
    rebuilt = set[UploadId]()
    async for finding in _of_strangers(ports):
        rebuilt.add(finding.upload_id)
        yield finding
    async for leftover in tidy(ports, dry_run=True):
        if leftover.upload_id not in rebuilt:
            yield Finding(
                upload_id=leftover.upload_id,
                problem=f"nothing needs {leftover.name}",
                remedy="removed",
                mend=partial(mending.tidy_up, ports, leftover),
            )


async def _of_records(ports: Ports) -> AsyncIterator[Finding]:
    after: UploadId | None = None
    while page := await ports.state.list(after, ports.thresholds.page):
        after = page[-1].id
        for upload in page:
            if await _judge(ports, upload) and (finding := await _judge_again(ports, upload.id)):
                yield finding


async def _judge_again(ports: Ports, upload_id: UploadId) -> Finding | None:
    """While nobody else has it: what looked wrong may just have been on its way."""
    with suppress(Locked):
        async with ports.hold(upload_id, wait=0):
            upload = await ports.state.load(upload_id)
            return None if upload is None else await _judge(ports, upload)
    return None


async def _judge(ports: Ports, upload: Upload) -> Finding | None:
    match upload.phase:
        case Phase.OPEN | Phase.DONE:
            return await _verify(ports, upload)
        case Phase.FINISHING:
            return await _verify(ports, upload) or _unfinished(ports, upload)
        case Phase.TERMINATING:
            mend = partial(mending.remove, ports, upload)
            problem = "it has ended, but is not all removed"
            return Finding(upload_id=upload.id, problem=problem, remedy="removed", mend=mend)
        case _:
            return None


def _unfinished(ports: Ports, upload: Upload) -> Finding:
    problem, mend = "all its bytes are recorded, but it isn't finished", partial(mending.finish, ports, upload)
    return Finding(upload_id=upload.id, problem=problem, remedy="finished", mend=mend)


async def _verify(ports: Ports, upload: Upload) -> Finding | None:
    try:
        survey = await ports.storage.survey(upload, await ports.state.entries(upload.id))
    except UploadLost:
        problem = "its object is gone, or is another" if upload.done else "what was stored of it is gone"
        return Finding(upload_id=upload.id, problem=problem, remedy="ended", mend=partial(mending.end, ports, upload))
    if survey.upload == upload:
        return None
    if survey.upload.done:
        problem, remedy, step = "its object is there, but its record is older", "finished", mending.catch_up
    else:
        problem, remedy, step = "bytes that were recorded are gone", "taken back to what is there", mending.take_back
    return Finding(upload_id=upload.id, problem=problem, remedy=remedy, mend=partial(step, ports, upload, survey))


async def _of_strangers(ports: Ports) -> AsyncIterator[Finding]:
    for upload_id, leftovers in (await _strangers(ports)).items():
        recovered = await ports.storage.recover(upload_id, leftovers)
        if recovered is not None:
            yield Finding(
                upload_id=upload_id,
                problem=f"no record of it, but {recovered.upload.offset} bytes of it are stored",
                remedy="rebuilt",
                mend=partial(mending.rebuild, ports, recovered),
            )


async def _strangers(ports: Ports) -> dict[UploadId, list[Leftover]]:
    """What is stored of uploads that have no record. A record comes before the first byte, so none is merely new."""
    found = dict[UploadId, list[Leftover]]()
    async for leftover in ports.storage.leftovers():
        found.setdefault(leftover.upload_id, []).append(leftover)
    return {upload_id: theirs for upload_id, theirs in found.items() if await ports.state.load(upload_id) is None}
