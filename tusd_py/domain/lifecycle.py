"""The life of an upload: its phases, what may follow what, and each change of it as a value. Nothing else sets a phase.

Functions return a `Change`, or the upload where nothing but its storage or its plan sees it yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tusd_py.domain.caller import Caller
from tusd_py.domain.events import Event, EventType, Reason
from tusd_py.domain.upload import Checkpoint, Finished, Kind, Phase, Upload

FOLLOWING: Mapping[Phase, frozenset[Phase]] = {
    Phase.OPEN: frozenset({Phase.OPEN, Phase.FINISHING, Phase.DONE, Phase.TERMINATING}),
    Phase.FINISHING: frozenset({Phase.FINISHING, Phase.OPEN, Phase.DONE, Phase.TERMINATING}),
    Phase.DONE: frozenset({Phase.DONE, Phase.TERMINATING}),
    Phase.TERMINATING: frozenset({Phase.TERMINATING, Phase.GONE}),
    Phase.GONE: frozenset({Phase.GONE}),
}
"""What may follow each phase. A finishing upload opens again where bytes of it turn out to be gone. A terminating or
gone one is forgotten at last."""

_ENDS = {Reason.EXPIRED: EventType.EXPIRED, Reason.LOST: EventType.LOST}
"""What an end is told as, by its reason, if not as termination."""


@dataclass(frozen=True, slots=True)
class Change:
    """The upload as it is to be, and what is told once it is recorded so."""

    upload: Upload
    type: EventType | None = None
    reason: Reason | None = None
    before: int | None = None
    troubled: bool = False
    """Something was stored on the way that may not be in the record."""

    def event(self, recorded: Upload, caller: Caller) -> Event | None:
        """The event of the change, recorded so for the caller; None where it concerns no one else."""
        if self.type is None:
            return None
        return Event(type=self.type, upload=recorded, reason=self.reason, before=self.before, caller=caller)


def begin(planned: Upload) -> Change:
    """A new upload, or one whose record was lost."""
    return Change(planned, EventType.CREATED)


def resume(upload: Upload) -> Upload:
    """The upload open or finishing, as its bytes say."""
    phase = Phase.FINISHING if upload.full else Phase.OPEN
    return upload if upload.phase is phase else replace(upload, phase=phase)


def advance(upload: Upload) -> Change:
    """An open upload that was moved on: it is finishing once it is full."""
    return Change(replace(upload, phase=Phase.FINISHING) if upload.full else upload)


def fill(upload: Upload, length: int) -> Upload:
    """The upload once it is known that all its bytes are there, `length` of them."""
    return replace(upload, phase=Phase.FINISHING, length=length, offset=length)


def record(upload: Upload, checkpoint: Checkpoint, now: float) -> Change:
    """The upload once `checkpoint` counts. Finished means done, if no digest is wanted."""
    moved = replace(upload, offset=checkpoint.offset, cursor=checkpoint.cursor)
    change = _prove_first(made(moved, checkpoint.finished)) if checkpoint.finished else advance(moved)
    return change if not checkpoint.troubled else mark(change, now)


def finish(upload: Upload) -> Change:
    """An upload that is `made`, with its digest if one is wanted."""
    return Change(upload, EventType.FINISHED)


def made(upload: Upload, finished: Finished) -> Upload:
    """The upload once its object exists."""
    return replace(upload, phase=Phase.DONE, cursor=finished.cursor, etag=finished.etag)


def mark(change: Change, now: float) -> Change:
    """The change with trouble: something may have been stored that its record doesn't name."""
    return replace(change, upload=replace(change.upload, troubled_at=now), troubled=True)


def end(upload: Upload, reason: Reason) -> Change:
    """The upload on its way out; one that is so already is told of no more."""
    if not upload.alive:
        return Change(upload)
    return Change(replace(upload, phase=Phase.TERMINATING), _ENDS.get(reason, EventType.TERMINATED), reason)


def forget(upload: Upload) -> Upload:
    """The upload once nothing of it is left but the memory that it existed."""
    return replace(upload, phase=Phase.GONE)


def fall_back(upload: Upload, there: int) -> Upload:
    """The upload, if only its first `there` bytes are: open there. One that is finished, or a final one, stays."""
    if upload.done or upload.kind is Kind.FINAL or there >= upload.offset:
        return upload
    return reopen(upload, there)


def reopen(upload: Upload, offset: int) -> Upload:
    """The upload at the offset that its bytes have; open, if that isn't the recorded one."""
    return upload if offset == upload.offset else replace(upload, offset=offset, phase=Phase.OPEN)


def follow(upload: Upload, found: Upload, now: float) -> Change:
    """The upload as its storage turned out to have it: done, or back at an offset; its bytes may be to be proven."""
    change = _prove_first(replace(found, troubled_at=now))
    if change.upload.offset < upload.offset:
        return Change(change.upload, EventType.ROLLED_BACK, Reason.ROLLED_BACK, upload.offset)
    return change


def _prove_first(upload: Upload) -> Change:
    """Done, unless its digest is still to be compared."""
    if upload.done and upload.digest_algorithm is None:
        return Change(upload, EventType.FINISHED)
    return Change(replace(upload, phase=Phase.FINISHING) if upload.done else upload)
