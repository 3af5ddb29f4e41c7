"""The life of an upload: after any steps in any order, its phases follow each other as `lifecycle.FOLLOWING` allows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.lifecycle_figure import DESIGN, renewed
from tests.support.uploads import changed, upload
from tusd_py.domain import lifecycle
from tusd_py.domain.caller import NO_CALLER
from tusd_py.domain.checkpoint import Checkpoint, Finished
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.direct import DirectMode, DirectTransfer
from tusd_py.domain.events import EventType, Reason
from tusd_py.domain.lifecycle import FOLLOWING, Change
from tusd_py.domain.phase import UNFINISHED, Phase
from tusd_py.domain.scan import Scan, Verdict
from tusd_py.domain.upload import Kind, Upload

LENGTH = 10
NOW = 1000.0
FINISHED = Finished(cursor={"key": "a"}, etag="e")
WHOLE = Checkpoint(offset=LENGTH, cursor={}, finished=FINISHED)
ENDS = {EventType.TERMINATED, EventType.EXPIRED, EventType.LOST}
DIGESTS = st.sampled_from([None, WholeDigest(algorithm="sha256")])

Step = Callable[[Upload], Change | None]
"""A function that returns the change by which the engine makes one transition of an upload; None for an upload of which
the engine wouldn't make it."""


REASONS = [reason for reason in Reason if reason is not Reason.ROLLED_BACK]
"""The reasons for an end."""


def grow(offset: int, *, finished: bool, troubled: bool, asks: bool) -> Step:
    def step(now: Upload) -> Change | None:
        if now.phase is not Phase.OPEN or not now.offset <= offset <= (LENGTH if now.length is None else now.length):
            return None
        whole = FINISHED if finished and offset == now.end else None
        checkpoint = Checkpoint(offset=offset, cursor={}, finished=whole, troubled=troubled)
        return lifecycle.record(now, checkpoint, NOW, asks=asks)

    return step


def close(now: Upload) -> Change | None:
    """Return the change after a client has said that an open upload is complete with its recorded bytes, or has said
    this again of a done one, whose record may lack it; None in another phase."""
    if now.phase not in {Phase.OPEN, Phase.DONE}:
        return None
    return lifecycle.advance(replace(now, length=now.offset, explicit_completion=False))


def fill(length: int) -> Step:
    """Return a step by which an upload turns out to have `length` bytes, all of them stored: a client has completed the
    parts of its direct upload, or the object of an awaited upload was found."""

    def step(now: Upload) -> Change | None:
        if now.phase not in UNFINISHED or now.explicit_completion or length < now.offset:
            return None
        return Change(lifecycle.fill(now, length))

    return step


def fall(offset: int, *, asks: bool) -> Step:
    def step(now: Upload) -> Change | None:
        if not now.alive:
            return None
        return lifecycle.follow(now, lifecycle.fall_back(now, offset), NOW, asks=asks)

    return step


def turn_up(*, asks: bool) -> Step:
    """Return a step by which the object of an unfinished upload of known length turns out to exist; with `asks`, a hook
    or the scanner is still to be asked before the upload is done."""

    def step(now: Upload) -> Change | None:
        if now.phase not in UNFINISHED or now.length is None:
            return None
        return lifecycle.follow(now, lifecycle.mark_done(replace(now, offset=now.length), FINISHED), NOW, asks=asks)

    return step


def make(now: Upload) -> Change | None:
    return lifecycle.finish(lifecycle.mark_done(now, FINISHED)) if now.phase is Phase.FINISHING else None


def noting(note: Callable[[Upload], Upload | Change], *phases: Phase) -> Step:
    """Return a step that calls `note` on an upload in one of `phases`, and checks that this changes no phase and has no
    event."""

    def step(now: Upload) -> Change | None:
        if now.phase not in phases:
            return None
        noted = note(now)
        change = noted if isinstance(noted, Change) else Change(noted)
        assert (change.upload.phase, change.type) == (now.phase, None)
        return change

    return step


NOTES = [
    noting(lambda now: lifecycle.pause(now, NOW), Phase.OPEN),
    noting(lifecycle.unpause, Phase.OPEN),
    noting(lambda now: lifecycle.await_answer(now, NOW), Phase.FINISHING),
    noting(lifecycle.await_scan, Phase.FINISHING, Phase.DONE),
    noting(lambda now: lifecycle.judge(now, Scan(verdict=Verdict.CLEAN)), Phase.DONE),
    noting(lambda now: lifecycle.note_trouble(now, NOW), *(phase for phase in Phase if phase is not Phase.GONE)),
    noting(lambda now: lifecycle.mark_troubled(Change(now), NOW), *UNFINISHED),
    noting(lambda now: lifecycle.review_trouble(now, NOW, cleaned=True), Phase.DONE),
]


def forget(now: Upload) -> Change | None:
    return Change(lifecycle.forget(now)) if now.phase is Phase.TERMINATING else None


def ending(reason: Reason) -> Step:
    return lambda now: None if now.phase is Phase.GONE else lifecycle.end(now, reason)


STEPS = st.one_of(
    st.builds(grow, st.integers(0, LENGTH), finished=st.booleans(), troubled=st.booleans(), asks=st.booleans()),
    st.builds(fill, st.integers(0, LENGTH)),
    st.builds(fall, st.integers(0, LENGTH), asks=st.booleans()),
    st.builds(turn_up, asks=st.booleans()),
    st.sampled_from([close, make, forget, *NOTES]),
    st.builds(ending, st.sampled_from(REASONS)),
)


UPLOADS = st.builds(
    upload,
    length=st.sampled_from([None, 0, LENGTH]),
    explicit_completion=st.booleans(),
    kind=st.sampled_from(Kind),
    digest=DIGESTS,
)


@given(UPLOADS, st.lists(STEPS, max_size=30))
def test_phases_follow_the_table_and_emit_events(created: Upload, steps: list[Step]) -> None:
    now = lifecycle.resume(created)
    changes = [lifecycle.begin(now)]
    for step in steps:
        change = step(now)
        if change is None:
            continue
        assert change.upload.phase in FOLLOWING[now.phase]
        assert change.upload.full or change.upload.phase not in {Phase.FINISHING, Phase.DONE}
        _expect_told(now, change)
        changes.append(change)
        now = change.upload
    types = [change.type for change in changes]
    assert types.count(EventType.CREATED) == 1
    assert types.count(EventType.FINISHED) <= 1
    assert sum(event_type in ENDS for event_type in types) <= 1


def _expect_told(before: Upload, change: Change) -> None:
    """Check that the change has the event of a finish, an end or a roll-back exactly if it is one, and a reason exactly
    if it has an event other than that of a finish."""
    after = change.upload
    assert (change.type is EventType.FINISHED) == (after.done and not before.done)
    assert (change.type in ENDS) == (before.alive and not after.alive)
    assert (change.type is EventType.ROLLED_BACK) == (after.offset < before.offset)
    assert (change.reason is None) == (change.type in (None, EventType.FINISHED))


FULL = upload(length=LENGTH, offset=LENGTH)
MOVES: dict[str, tuple[Callable[[Upload], object], frozenset[Phase]]] = {
    "resume": (lifecycle.resume, UNFINISHED),
    "advance": (lifecycle.advance, frozenset({*UNFINISHED, Phase.DONE})),
    "fill": (lambda now: lifecycle.fill(now, LENGTH), UNFINISHED),
    "record": (lambda now: lifecycle.record(now, WHOLE, NOW), UNFINISHED),
    "mark_done": (lambda now: lifecycle.mark_done(now, FINISHED), UNFINISHED),
    "finish": (lifecycle.finish, frozenset({Phase.DONE})),
    "forget": (lifecycle.forget, frozenset({Phase.TERMINATING, Phase.GONE})),
    "reopen": (lambda now: lifecycle.reopen(now, 1), UNFINISHED),
    "fall_back": (lambda now: lifecycle.fall_back(now, 1), frozenset({*UNFINISHED, Phase.DONE})),
    "end": (lambda now: lifecycle.end(now, Reason.CLIENT), frozenset(Phase)),
    "assume_gone": (lifecycle.assume_gone, frozenset(Phase)),
}
"""The functions of `lifecycle` that check the phase of their upload, each with the phases in which it takes a regular
upload that has all its bytes; in the others it raises ValueError."""


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize(("move", "accepted"), MOVES.values(), ids=MOVES)
def test_an_impossible_transition_is_refused(
    move: Callable[[Upload], object], accepted: frozenset[Phase], phase: Phase
) -> None:
    with nullcontext() if phase in accepted else pytest.raises(ValueError, match=f"an upload that is {phase} "):
        move(replace(FULL, phase=phase))


def test_a_done_upload_stays_done() -> None:
    """A done upload with a digest stays done if a client says again that it is complete, or if the storage is compared
    with its record."""
    done = replace(FULL, phase=Phase.DONE, digest=WholeDigest(algorithm="sha256"))
    assert lifecycle.advance(done) == Change(done)
    assert lifecycle.follow(done, done, NOW, asks=True) == Change(lifecycle.note_trouble(done, NOW))


def test_bytes_past_the_record_do_not_count() -> None:
    """Bytes that the storage has past the recorded offset change nothing. Nor do missing bytes of a final upload, whose
    bytes are those of its partial ones."""
    record = upload(length=LENGTH, offset=4)
    for offset in (4, 5):
        assert lifecycle.fall_back(record, offset) is record
    final = replace(FULL, kind=Kind.FINAL, phase=Phase.FINISHING)
    assert lifecycle.fall_back(final, 0) is final


def test_an_upload_with_an_object_awaits_no_completion() -> None:
    """An upload whose object exists no longer waits for its completion, even if its record still does: a state from a
    backup may be older than the request that completed the upload."""
    assert lifecycle.mark_done(replace(FULL, explicit_completion=True), FINISHED).settled_length == LENGTH


@pytest.mark.parametrize("reason", REASONS)
def test_an_end_is_told_by_its_reason(reason: Reason) -> None:
    change = lifecycle.end(upload(), reason)
    types = {Reason.EXPIRED: EventType.EXPIRED, Reason.LOST: EventType.LOST}
    assert (change.type, change.reason) == (types.get(reason, EventType.TERMINATED), reason)
    assert lifecycle.end(change.upload, Reason.CLIENT) == Change(change.upload)


def test_the_picture_in_the_docs_is_of_this_table() -> None:
    text = DESIGN.read_text()
    assert "open --> finishing: all bytes are recorded" in text
    assert renewed(text) == text


def test_an_event_has_the_same_name_each_time_its_change_is_made() -> None:
    change = lifecycle.end(upload(), Reason.CLIENT)
    first, again = (change.event(replace(change.upload, revision=revision), NO_CALLER) for revision in (3, 4))
    assert first is not None
    assert again is not None
    assert first.id == again.id == f"evt_{upload().id}_terminated"
    assert Change(upload()).event(upload(), NO_CALLER) is None


def test_trouble_is_recorded_with_its_time() -> None:
    troubled = lifecycle.record(upload(length=LENGTH), Checkpoint(offset=1, cursor={}, troubled=True), NOW)
    assert (troubled.upload.troubled_at, troubled.troubled) == (NOW, True)
    calm = lifecycle.record(upload(length=LENGTH), Checkpoint(offset=1, cursor={}), NOW)
    assert (calm.upload.troubled_at, calm.troubled) == (None, False)


def test_trouble_stays_until_the_storage_is_cleaned() -> None:
    troubled = lifecycle.note_trouble(upload(), NOW)
    assert lifecycle.note_trouble(troubled, NOW + 1, troubled=False) == troubled
    assert lifecycle.mark_troubled(Change(troubled), NOW + 1, troubled=False) == Change(troubled)
    assert lifecycle.review_trouble(troubled, NOW + 1, cleaned=False).troubled_at == NOW + 1
    assert lifecycle.review_trouble(troubled, NOW + 1, cleaned=True) == upload()


@pytest.mark.parametrize(
    ("asked_at", "troubled_at", "due_at"),
    [(None, None, 130.0), (None, 110.0, 140.0), (120.0, None, 125.0), (120.0, 110.0, 125.0), (120.0, 120.5, 150.5)],
)
def test_a_finish_is_retried_after_the_last_trouble(
    asked_at: float | None, troubled_at: float | None, due_at: float
) -> None:
    """A finishing upload is due 5 s after a hook or the scanner gave no answer, unless the storage had trouble since;
    else 30 s after its last change or, if that is later, its last trouble."""
    finishing = upload(phase=Phase.FINISHING, asked_at=asked_at, troubled_at=troubled_at, updated_at=100.0)
    assert finishing.due_at == due_at


def test_removal_repeats_after_the_signature_expires() -> None:
    """An upload that is terminating is due for another removal once its presigned URL has expired, or 30 s after its
    last change if that is later."""
    ended = upload(
        direct=DirectTransfer(mode=DirectMode.WHOLE, presigned_until=900.0), phase=Phase.TERMINATING, updated_at=100.0
    )
    assert ended.due_at == 900
    assert changed(ended, updated_at=890.0).due_at == 920


@pytest.mark.parametrize(("phase", "etag"), [(Phase.DONE, "e"), (Phase.FINISHING, None), (Phase.OPEN, None)])
def test_only_a_done_upload_keeps_its_etag(phase: Phase, etag: str | None) -> None:
    assert lifecycle.end(upload(phase=phase, etag="e"), Reason.CLIENT).upload.etag == etag
