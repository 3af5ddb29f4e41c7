"""The life of an upload: its phases follow each other as the table says, after any events in any order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.lifecycle_figure import DESIGN, renewed
from tests.support.uploads import upload
from tusd_py.domain import lifecycle
from tusd_py.domain.caller import NO_CALLER
from tusd_py.domain.checkpoint import Checkpoint, Finished
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.events import EventType, Reason
from tusd_py.domain.lifecycle import FOLLOWING, Change
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Kind, Upload

LENGTH = 10
NOW = 1000.0
FINISHED = Finished(cursor={"key": "a"}, etag="e")
ENDS = {EventType.TERMINATED, EventType.EXPIRED, EventType.LOST}
DIGESTS = st.sampled_from([None, WholeDigest(algorithm="sha256")])

Step = Callable[[Upload], Change | None]
"""A transition that the engine may make; None where it wouldn't."""


def grow(offset: int, *, finished: bool, troubled: bool) -> Step:
    def step(now: Upload) -> Change | None:
        if now.phase is not Phase.OPEN or offset < now.offset:
            return None
        whole = FINISHED if finished and offset == now.end else None
        return lifecycle.record(now, Checkpoint(offset=offset, cursor={}, finished=whole, troubled=troubled), NOW)

    return step


def fall(offset: int) -> Step:
    def step(now: Upload) -> Change | None:
        if not now.alive or now.done:
            return None
        return lifecycle.follow(now, lifecycle.fall_back(now, offset), NOW)

    return step


def turn_up(now: Upload) -> Change | None:
    """Its object is there, though the record doesn't know."""
    if not now.alive or now.done or now.length is None:
        return None
    return lifecycle.follow(now, lifecycle.mark_done(replace(now, offset=now.length), FINISHED), NOW)


def make(now: Upload) -> Change | None:
    return lifecycle.finish(lifecycle.mark_done(now, FINISHED)) if now.phase is Phase.FINISHING else None


def forget(now: Upload) -> Change | None:
    return Change(lifecycle.forget(now)) if now.phase is Phase.TERMINATING else None


def ending(reason: Reason) -> Step:
    return lambda now: None if now.phase is Phase.GONE else lifecycle.end(now, reason)


STEPS = st.one_of(
    st.builds(grow, st.integers(0, LENGTH), finished=st.booleans(), troubled=st.booleans()),
    st.builds(fall, st.integers(0, LENGTH)),
    st.sampled_from([turn_up, make, forget]),
    st.builds(ending, st.sampled_from([Reason.CLIENT, Reason.EXPIRED, Reason.LOST, Reason.REFUSED])),
)


@given(st.sampled_from([None, LENGTH]), DIGESTS, st.sampled_from(Kind), st.lists(STEPS, max_size=30))
def test_phases_follow_the_table_and_emit_events(
    length: int | None, digest: WholeDigest | None, kind: Kind, steps: list[Step]
) -> None:
    now = lifecycle.resume(upload(length=length, kind=kind, digest=digest))
    changes = [lifecycle.begin(now)]
    for step in steps:
        change = step(now)
        if change is None:
            continue
        assert change.upload.phase in FOLLOWING[now.phase]
        assert change.upload.phase is not Phase.FINISHING or change.upload.full
        _expect_told(now, change)
        changes.append(change)
        now = change.upload
    types = [change.type for change in changes]
    assert types.count(EventType.CREATED) == 1
    assert types.count(EventType.FINISHED) <= 1
    assert sum(event_type in ENDS for event_type in types) <= 1


def _expect_told(before: Upload, change: Change) -> None:
    """Each change that a client would notice is an event, with a reason unless it is success."""
    after = change.upload
    assert (change.type is EventType.FINISHED) == (after.done and not before.done)
    assert (change.type in ENDS) == (before.alive and not after.alive)
    assert (change.type is EventType.ROLLED_BACK) == (after.offset < before.offset)
    assert (change.reason is None) == (change.type in (None, EventType.FINISHED))


@pytest.mark.parametrize("reason", [member for member in Reason if member is not Reason.ROLLED_BACK])
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
