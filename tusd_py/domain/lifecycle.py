"""The life of an upload: its phases, their transitions, and each change as a value. No other module sets a phase, or
the time of an upload's trouble.

Functions return a `Change`, which `engine/records.py` saves, or an upload, which the caller saves or makes part
of a plan, a survey or a recovery. A function that sets a phase raises ValueError if the upload is in a phase that
can't come before it: that is a mistake of the caller, never of a client.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from tusd_py.domain.answers import NO_ANSWER, Answer
from tusd_py.domain.caller import Caller
from tusd_py.domain.checkpoint import Checkpoint, Finished
from tusd_py.domain.copying import copy_with
from tusd_py.domain.events import Event, EventType, Reason
from tusd_py.domain.phase import UNFINISHED, Phase
from tusd_py.domain.scan import Scan, Verdict
from tusd_py.domain.upload import Kind, Upload

FOLLOWING: Mapping[Phase, frozenset[Phase]] = {
    Phase.OPEN: frozenset({Phase.OPEN, Phase.FINISHING, Phase.DONE, Phase.TERMINATING}),
    Phase.FINISHING: frozenset({Phase.FINISHING, Phase.OPEN, Phase.DONE, Phase.TERMINATING}),
    Phase.DONE: frozenset({Phase.DONE, Phase.TERMINATING}),
    Phase.TERMINATING: frozenset({Phase.TERMINATING, Phase.GONE}),
    Phase.GONE: frozenset({Phase.GONE}),
}
"""The phases that may follow each phase. A finishing upload becomes open again if some of its bytes are lost. The
record of a terminating or gone one is deleted in the end."""

PAUSE = 300.0
"""Seconds after which a pause ends, unless a client renews or ends it before: the client that asked for it may be
gone."""

_ENDS = {Reason.EXPIRED: EventType.EXPIRED, Reason.LOST: EventType.LOST}
"""The type of the event of an upload's end, by the reason of the end; for other reasons it is `TERMINATED`."""


@dataclass(frozen=True, slots=True)
class Change:
    """An upload as it is to be recorded, and the event of the change: its type (None for no event), its reason (None
    for a creation or a finish) and, for a roll-back, the former offset (`before`)."""

    upload: Upload
    type: EventType | None = None
    reason: Reason | None = None
    before: int | None = None
    troubled: bool = False
    """True if the storage may hold something that no record names, so that this trouble is recorded even if the save of
    the change is superseded (`mark_troubled`)."""

    @property
    def ends(self) -> bool:
        """True if the upload ends with this change, and had not ended before."""
        return self.upload.phase is Phase.TERMINATING and self.type is not None

    def event(self, recorded: Upload, caller: Caller) -> Event | None:
        """Return the event of the change, with the record that was saved and the caller that made the change; None if
        the change has no event."""
        if self.type is None:
            return None
        return Event(type=self.type, upload=recorded, reason=self.reason, before=self.before, caller=caller)


def begin(planned: Upload) -> Change:
    """Return the change that records a new upload, or one whose record was lost. Both have the event of a creation."""
    return Change(planned, EventType.CREATED)


def resume(upload: Upload) -> Upload:
    """Return the upload as finishing if no more bytes are to come, else as open."""
    return _move(upload, Phase.FINISHING if upload.full else Phase.OPEN)


def advance(upload: Upload) -> Change:
    """Return the change that records new bytes, or a length, of an open upload; the upload becomes finishing if it is
    full. A done upload stays done: its record may lack a length or completion that the client declares once more, if
    the state was restored from a backup."""
    return Change(_move(upload, Phase.FINISHING) if upload.full and not upload.done else upload)


def fill(upload: Upload, length: int) -> Upload:
    """Return the upload as finishing, with `length` bytes, all of them stored."""
    return copy_with(_move(upload, Phase.FINISHING), length=length, offset=length)


def record(upload: Upload, checkpoint: Checkpoint, now: float, *, asks: bool = False) -> Change:
    """Return the change that records the checkpoint. If storing its bytes created the object, the upload is done,
    but only finishing if its digest is still to be computed or, with `asks`, a hook or the scanner is still to
    be asked. If the checkpoint is troubled, `now` becomes the time of the upload's trouble.
    """
    grown = copy_with(upload, offset=checkpoint.offset, cursor=checkpoint.cursor)
    change = _conclude(mark_done(grown, checkpoint.finished), asks=asks) if checkpoint.finished else advance(grown)
    return mark_troubled(change, now, troubled=checkpoint.troubled)


def finish(upload: Upload, answer: Answer = NO_ANSWER) -> Change:
    """Return the change that records an upload, as `mark_done` returned it, as finished, with the event FINISHED.
    `answer` is that of the hook that was asked. A digest that was asked for must be in the upload already. Raises
    ValueError unless the upload is done."""
    _expect(upload, {Phase.DONE})
    return Change(copy_with(upload, answer=answer), EventType.FINISHED)


def await_answer(upload: Upload, now: float) -> Upload:
    """Return the finishing upload with `now` as the time at which a hook or the scanner gave no answer. A sweep asks
    again 5 seconds later (`upload.ASK_SECONDS`)."""
    return copy_with(upload, asked_at=now)


def pause(upload: Upload, now: float) -> Change:
    """Return the change that pauses an open upload, or renews its pause, as a client has asked for it.

    The upload takes no bytes until `PAUSE` seconds after `now`, or until `unpause`. The caller has checked
    that it is open.
    """
    return Change(copy_with(upload, paused_until=now + PAUSE))


def unpause(upload: Upload) -> Change:
    """Return the change that ends an upload's pause, which a client asked for: the upload takes bytes again."""
    return Change(copy_with(upload, paused_until=None))


def await_scan(upload: Upload) -> Upload:
    """Return the upload as one whose content is to be scanned."""
    return judge(upload, Scan(verdict=Verdict.PENDING))


def judge(upload: Upload, scan: Scan | None) -> Upload:
    """Return the upload with `scan` as the scan of its content: its result, or that it is pending. None takes an
    earlier scan off the record."""
    return copy_with(upload, scan=scan)


def mark_done(upload: Upload, finished: Finished) -> Upload:
    """Return the upload as done, with the cursor and ETag of its finished object. As the object exists, a waiting
    upload no longer waits for a request that completes it."""
    _expect(upload, UNFINISHED)
    return copy_with(upload, phase=Phase.DONE, cursor=finished.cursor, etag=finished.etag, explicit_completion=False)


def note_trouble(upload: Upload, now: float, *, troubled: bool = True) -> Upload:
    """Return the upload with `now` as the time of its trouble: the storage may hold, or yet get, something that the
    record doesn't name. Return it unchanged unless `troubled`."""
    return copy_with(upload, troubled_at=now) if troubled else upload


def mark_troubled(change: Change, now: float, *, troubled: bool = True) -> Change:
    """Return the change with `now` as the time of its upload's trouble (`note_trouble`). The trouble is recorded even
    if the save of the change is superseded. Return it unchanged unless `troubled`."""
    return replace(change, upload=note_trouble(change.upload, now), troubled=True) if troubled else change


def review_trouble(upload: Upload, now: float, *, cleaned: bool) -> Upload:
    """Return the upload without its trouble if the storage is `cleaned` of what the record doesn't name, else with
    `now` as the time of its trouble, so that a sweep tries again 30 seconds later, or later (`Upload.settled_at`)."""
    return copy_with(upload, troubled_at=None if cleaned else now)


def end(upload: Upload, reason: Reason) -> Change:
    """Return the change of the upload to terminating, with the event of its end; for an upload that has ended already,
    a change that leaves the upload as it is and has no event. Only a done upload keeps its ETag: clients and sinks are
    not told of the object of an upload that ends before it is done, even if the storage has the object already.
    """
    if not upload.alive:
        return Change(upload)
    ended = copy_with(_move(upload, Phase.TERMINATING), etag=upload.etag if upload.done else None)
    return Change(ended, _ENDS.get(reason, EventType.TERMINATED), reason)


def forget(upload: Upload) -> Upload:
    """Return the terminating upload as gone: nothing is left of it but its record."""
    return _move(upload, Phase.GONE)


def assume_gone(upload: Upload) -> Upload:
    """Return `upload`, the copy of a record that no longer exists, as gone: the upload has ended, though the copy may
    be in any phase."""
    return forget(end(upload, Reason.CLIENT).upload)


def fall_back(upload: Upload, stored: int) -> Upload:
    """Return the upload, open at offset `stored` and without the verdict of a scan if that, the number of bytes in the
    storage, is less than the recorded offset; else unchanged. A done or final upload is always returned unchanged."""
    return upload if upload.done or upload.kind is Kind.FINAL else reopen(upload, min(stored, upload.offset))


def reopen(upload: Upload, offset: int) -> Upload:
    """Return the upload at `offset`, the end of its stored bytes: unchanged if that is the recorded offset, else open
    and without the verdict of a scan."""
    return upload if offset == upload.offset else copy_with(judge(_move(upload, Phase.OPEN), None), offset=offset)


def follow(upload: Upload, stored: Upload, now: float, *, asks: bool) -> Change:
    """Return the change of the upload to its state in the storage, `stored`, with `now` as the time of its trouble.

    If `stored` is done and the record isn't, the upload becomes done, with the event FINISHED, or only finishing,
    without an event, if its digest is still to be computed or, with `asks`, a hook or the scanner to be asked. If
    `stored` has an earlier offset, the event is that of a roll-back. In all other cases, as for a done upload, there is
    no event.
    """
    troubled = note_trouble(stored, now)
    change = _conclude(troubled, asks=asks) if stored.done and not upload.done else Change(troubled)
    if change.upload.offset < upload.offset:
        return Change(change.upload, EventType.ROLLED_BACK, Reason.ROLLED_BACK, upload.offset)
    return change


def _conclude(done: Upload, *, asks: bool) -> Change:
    """Return the change that records `done`, an upload that `mark_done` returned and that isn't recorded as done yet:
    as done, with the event FINISHED; or only as finishing, without an event, if its digest is still to be computed or,
    with `asks`, a hook or the scanner to be asked."""
    if done.digest is None and not asks:
        return Change(done, EventType.FINISHED)
    return Change(copy_with(done, phase=Phase.FINISHING))


def _expect(upload: Upload, phases: Collection[Phase]) -> None:
    """Raise ValueError if the upload is in none of the phases."""
    if upload.phase not in phases:
        raise ValueError(f"an upload that is {upload.phase} should be {' or '.join(sorted(phases))}")


def _move(upload: Upload, phase: Phase) -> Upload:
    """Return the upload with `phase` as its phase. Raises ValueError if `phase` can't follow the upload's present
    phase."""
    if phase not in FOLLOWING[upload.phase]:
        raise ValueError(f"an upload that is {upload.phase} can't become {phase}")
    return upload if upload.phase is phase else copy_with(upload, phase=phase)
