"""The rules of appends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from tests.unit.protocol.rule_examples import (
    BODIES,
    CHUNKED,
    DEFERRED,
    DONE,
    EMPTY,
    EXPIRED,
    FINAL,
    MAYBE_SIZES,
    NOW,
    OPEN,
    SIZES,
)
from tusd_py.domain import rules
from tusd_py.domain.intents import Append, Body
from tusd_py.domain.limits import Limits
from tusd_py.domain.refusals import Forbidden, Malformed, OffsetMismatch, Refusal, TooLarge, UploadNotFound
from tusd_py.domain.upload import Upload


def append(intent: Append, upload: Upload | None, limits: Limits | None = None) -> rules.AppendPlan:
    return rules.plan_append(intent, upload, limits=limits or Limits(), now=NOW)


def test_an_append_may_take_what_is_left() -> None:
    assert append(Append(offset=4, body=CHUNKED), OPEN) == rules.AppendPlan(
        upload=OPEN, declared=False, max_bytes=6, growth=0
    )


@pytest.mark.parametrize(("limits", "room"), [(Limits(), None), (Limits(max_length=5), 1), (Limits(max_length=3), 0)])
def test_a_deferred_length_leaves_room_up_to_the_limit(limits: Limits, room: int | None) -> None:
    assert append(Append(offset=4, body=CHUNKED), DEFERRED, limits).max_bytes == room


@pytest.mark.parametrize("length", [4, 7])
def test_a_deferred_length_is_declared_by_an_append(length: int) -> None:
    plan = append(Append(offset=4, length=length, body=CHUNKED), DEFERRED)
    room = length - 4
    assert plan == rules.AppendPlan(upload=replace(DEFERRED, length=length), declared=True, max_bytes=room, growth=room)


def test_repeated_length_ignores_a_smaller_limit() -> None:
    """A client may repeat a length that exceeds a limit lowered since."""
    plan = append(Append(offset=4, length=10, body=EMPTY), OPEN, Limits(max_length=5))
    assert plan == rules.AppendPlan(upload=OPEN, declared=False, max_bytes=6, growth=0)


def test_an_empty_append_at_the_end_of_a_done_upload_is_fine() -> None:
    plan = append(Append(offset=10, body=EMPTY), DONE)
    assert plan == rules.AppendPlan(upload=DONE, declared=False, max_bytes=0, growth=0)


@pytest.mark.parametrize(("body", "growth"), [(CHUNKED, 1), (EMPTY, 0), (Body(length=5), 5)])
def test_deferred_length_grows_by_the_body(body: Body, growth: int) -> None:
    assert append(Append(offset=4, body=body), DEFERRED).growth == growth
    assert append(Append(offset=4, body=body), replace(OPEN, length=30)).growth == 0


@pytest.mark.parametrize(
    ("intent", "upload", "limits", "refusal"),
    [
        (Append(offset=9, body=EMPTY), EXPIRED, Limits(), UploadNotFound),
        (Append(offset=9, body=EMPTY), FINAL, Limits(), Forbidden),
        (Append(offset=10, body=EMPTY), FINAL, Limits(), Forbidden),
        (Append(offset=3, length=99, body=EMPTY), OPEN, Limits(), OffsetMismatch),
        (Append(offset=5, body=Body(length=99)), OPEN, Limits(), OffsetMismatch),
        (Append(offset=4, length=9, body=Body(length=99)), OPEN, Limits(), Malformed),
        (Append(offset=4, length=3, body=EMPTY), DEFERRED, Limits(), Malformed),
        (Append(offset=4, length=9, body=EMPTY), DEFERRED, Limits(max_length=8), TooLarge),
        (Append(offset=4, length=9, body=Body(length=6)), DEFERRED, Limits(), TooLarge),
        (Append(offset=4, body=Body(length=7)), OPEN, Limits(), TooLarge),
        (Append(offset=4, body=Body(length=7)), DEFERRED, Limits(max_length=10), TooLarge),
        (Append(offset=10, body=Body(length=1)), DONE, Limits(), TooLarge),
    ],
)
def test_the_first_rule_that_an_append_breaks_is_its_refusal(
    intent: Append, upload: Upload, limits: Limits, refusal: type[Refusal]
) -> None:
    with pytest.raises(Refusal) as refused:
        append(intent, upload, limits)
    assert type(refused.value) is refusal


def test_a_wrong_offset_is_told_with_the_true_one() -> None:
    with pytest.raises(OffsetMismatch) as refused:
        append(Append(offset=9, body=EMPTY), OPEN)
    assert (refused.value.expected, refused.value.provided) == (4, 9)


@given(offset=SIZES, declared=MAYBE_SIZES, body=BODIES, stored=SIZES, length=MAYBE_SIZES, max_length=MAYBE_SIZES)
def test_plan_respects_the_declared_length(
    offset: int, declared: int | None, body: Body, stored: int, length: int | None, max_length: int | None
) -> None:
    """An append that is planned never goes beyond the upload's length, if that is known, and never changes a known
    length."""
    upload = replace(OPEN, offset=stored, length=None if length is None else stored + length)
    try:
        plan = append(Append(offset=offset, length=declared, body=body), upload, Limits(max_length=max_length))
    except Refusal:
        return
    assert offset == upload.offset
    assert plan.declared == (plan.upload.length != upload.length)
    assert not (plan.declared and upload.length is not None)
    assert replace(plan.upload, length=upload.length) == upload
    if plan.max_bytes is not None:
        assert (body.length or 0) <= plan.max_bytes
    if plan.upload.length is not None:
        assert plan.max_bytes == plan.upload.length - offset
