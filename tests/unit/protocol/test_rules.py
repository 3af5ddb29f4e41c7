"""Judgements on an upload's record."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.uploads import changed
from tusd_py.domain import rules
from tusd_py.domain.events import EventType, Reason
from tusd_py.domain.intents import Append, Body, Create
from tusd_py.domain.limits import Limits
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import Forbidden, Malformed, OffsetMismatch, Refusal, TooLarge, UploadGone, UploadNotFound
from tusd_py.domain.upload import Kind, Times, Upload
from tusd_py.domain.upload_id import UploadId

ID = UploadId("0123456789abcdef0123456789abcdef")
OTHER_ID = UploadId("f" * 32)
NOW = 1_000_000.0
OPEN = Upload(id=ID, length=10, offset=4, times=Times.at_creation(0.0))
DEFERRED = replace(OPEN, length=None)
DONE = replace(OPEN, offset=10, phase=Phase.DONE)
PARTIAL = replace(DONE, kind=Kind.PARTIAL)
FINAL = replace(DONE, kind=Kind.FINAL)
EXPIRED = changed(OPEN, expires_at=NOW)
CHUNKED = Body(length=None)
EMPTY = Body(length=0)

SIZES = st.integers(min_value=0, max_value=40)
MAYBE_SIZES = st.none() | SIZES
BODIES = st.builds(Body, length=MAYBE_SIZES)


def append(intent: Append, upload: Upload | None, limits: Limits | None = None) -> rules.AppendPlan:
    return rules.plan_append(intent, upload, limits=limits or Limits(), now=NOW)


def create(intent: Create, limits: Limits | None = None) -> Upload:
    return rules.plan_create(intent, upload_id=ID, limits=limits or Limits(), now=NOW)


def concatenate(partials: list[Upload | None], limits: Limits | None = None) -> Upload:
    intent = Create(kind=Kind.FINAL, metadata={"name": b"whole"})
    return rules.plan_final(intent, partials, upload_id=OTHER_ID, limits=limits or Limits(), now=NOW)


# Creating


@pytest.mark.parametrize("kind", [Kind.REGULAR, Kind.PARTIAL])
def test_a_new_upload_is_open_at_offset_zero_and_expires(kind: Kind) -> None:
    intent = Create(kind=kind, length=10, metadata={"name": b"x"})
    assert create(intent, Limits(expire_after=60)) == Upload(
        id=ID,
        kind=kind,
        length=10,
        metadata={"name": b"x"},
        times=Times(created_at=NOW, updated_at=NOW, expires_at=NOW + 60),
    )


def test_a_length_up_to_the_limit_is_created_and_one_more_is_not() -> None:
    assert create(Create(length=10), Limits(max_length=10)).length == 10
    with pytest.raises(TooLarge):
        create(Create(length=11), Limits(max_length=10))


@pytest.mark.parametrize(
    ("length", "body", "limits"),
    [
        (10, Body(length=11), Limits()),
        (0, Body(length=1), Limits()),
        (None, Body(length=11), Limits(max_length=10)),
    ],
)
def test_a_first_body_that_cannot_fit_is_refused_before_it_is_read(
    length: int | None, body: Body, limits: Limits
) -> None:
    with pytest.raises(TooLarge):
        create(Create(length=length, body=body), limits)


@pytest.mark.parametrize("body", [None, CHUNKED, EMPTY, Body(length=10)])
def test_a_first_body_that_may_fit_is_taken(body: Body | None) -> None:
    assert create(Create(length=10, body=body)).offset == 0


# Concatenating


def test_a_final_upload_has_every_byte_of_its_partials_in_order_and_its_own_metadata() -> None:
    first, second = PARTIAL, replace(PARTIAL, id=OTHER_ID, length=2, offset=2, metadata={"name": b"piece"})
    final = concatenate([second, first])
    assert final.partials == (OTHER_ID, ID)
    assert (final.kind, final.phase) == (Kind.FINAL, Phase.FINISHING)
    assert (final.offset, final.length) == (12, 12)
    assert final.metadata == {"name": b"whole"}


def test_a_partial_may_stand_twice_in_one_list() -> None:
    assert concatenate([PARTIAL, PARTIAL]).partials == (ID, ID)


def test_a_partial_may_stand_in_one_list_as_often_as_is_allowed_and_what_is_none_counts_for_nothing() -> None:
    limits = Limits(max_partial_uses=2)
    rules.check_uses([ID, OTHER_ID, ID, OTHER_ID, None, None, None], limits)
    rules.check_uses([], limits)
    with pytest.raises(Malformed, match="names a partial upload more than 2 times"):
        rules.check_uses([ID, OTHER_ID, ID, ID], limits)


def test_empty_partials_make_an_empty_final() -> None:
    assert concatenate([replace(PARTIAL, length=0, offset=0)]).length == 0


@pytest.mark.parametrize(
    "partial",
    [
        None,
        DONE,
        FINAL,
        replace(PARTIAL, phase=Phase.FINISHING),
        replace(PARTIAL, phase=Phase.OPEN, offset=4),
        replace(PARTIAL, phase=Phase.TERMINATING),
        replace(PARTIAL, phase=Phase.GONE),
        changed(PARTIAL, expires_at=NOW),
    ],
)
def test_only_finished_partials_that_are_here_can_be_concatenated(partial: Upload | None) -> None:
    with pytest.raises(Malformed):
        concatenate([PARTIAL, partial])


def test_partials_that_are_too_long_together_are_refused() -> None:
    assert concatenate([PARTIAL, PARTIAL], Limits(max_length=20)).length == 20
    with pytest.raises(TooLarge):
        concatenate([PARTIAL, PARTIAL], Limits(max_length=19))


# Seeing


@pytest.mark.parametrize("upload", [OPEN, DEFERRED, DONE, PARTIAL, FINAL, replace(FINAL, phase=Phase.FINISHING)])
def test_clients_see_what_lives(upload: Upload) -> None:
    assert rules.plan_inspect(upload, limits=Limits(), now=NOW) is upload


@pytest.mark.parametrize(
    "upload", [EXPIRED, replace(DONE, phase=Phase.TERMINATING), replace(DONE, phase=Phase.GONE), None]
)
def test_what_is_gone_looks_as_if_it_never_was(upload: Upload | None) -> None:
    with pytest.raises(UploadNotFound):
        rules.plan_inspect(upload, limits=Limits(), now=NOW)


@pytest.mark.parametrize("upload", [EXPIRED, replace(DONE, phase=Phase.TERMINATING), replace(DONE, phase=Phase.GONE)])
def test_what_is_gone_says_so_where_a_setting_asks_for_it(upload: Upload) -> None:
    with pytest.raises(UploadGone):
        rules.plan_inspect(upload, limits=Limits(answers_gone=True), now=NOW)


def test_what_never_was_is_not_gone() -> None:
    with pytest.raises(UploadNotFound):
        rules.plan_inspect(None, limits=Limits(answers_gone=True), now=NOW)


# Appending


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


def test_a_length_may_be_repeated_even_when_the_limit_has_shrunk_since() -> None:
    plan = append(Append(offset=4, length=10, body=EMPTY), OPEN, Limits(max_length=5))
    assert plan == rules.AppendPlan(upload=OPEN, declared=False, max_bytes=6, growth=0)


def test_an_empty_append_at_the_end_of_a_done_upload_is_fine() -> None:
    plan = append(Append(offset=10, body=EMPTY), DONE)
    assert plan == rules.AppendPlan(upload=DONE, declared=False, max_bytes=0, growth=0)


@pytest.mark.parametrize(("body", "growth"), [(CHUNKED, 1), (EMPTY, 0), (Body(length=5), 5)])
def test_an_upload_of_deferred_length_grows_by_what_an_append_brings(body: Body, growth: int) -> None:
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
def test_a_planned_append_never_passes_a_length_or_changes_a_known_one(
    offset: int, declared: int | None, body: Body, stored: int, length: int | None, max_length: int | None
) -> None:
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


# Terminating


@pytest.mark.parametrize("upload", [OPEN, DONE, FINAL, replace(DONE, phase=Phase.FINISHING)])
def test_whatever_clients_see_they_may_terminate(upload: Upload) -> None:
    change = rules.plan_terminate(upload, Reason.CLIENT, limits=Limits(), now=NOW)
    assert change.upload == replace(upload, phase=Phase.TERMINATING)
    assert (change.type, change.reason) == (EventType.TERMINATED, Reason.CLIENT)


@pytest.mark.parametrize("upload", [None, EXPIRED, replace(DONE, phase=Phase.TERMINATING)])
def test_nothing_is_terminated_twice(upload: Upload | None) -> None:
    with pytest.raises(UploadNotFound):
        rules.plan_terminate(upload, Reason.CLIENT, limits=Limits(), now=NOW)


# Expiring


@pytest.mark.parametrize(
    ("upload", "lifetime"),
    [
        (OPEN, 60),
        (replace(OPEN, phase=Phase.FINISHING), 60),
        (DONE, 1000),
        (FINAL, 1000),
        (PARTIAL, 60),
    ],
)
def test_each_change_starts_the_lifetime_anew(upload: Upload, lifetime: float) -> None:
    touched = rules.touch(changed(upload, expires_at=5.0), NOW, Limits(expire_after=60, retention=1000))
    assert touched == changed(upload, updated_at=NOW, expires_at=NOW + lifetime)


@pytest.mark.parametrize("upload", [OPEN, DONE, PARTIAL, FINAL])
def test_without_limits_nothing_expires(upload: Upload) -> None:
    assert rules.touch(changed(upload, expires_at=5.0), NOW, Limits()).times.expires_at is None


# Resolving


@pytest.mark.parametrize(
    "url",
    [
        ID,
        f"/files/{ID}",
        f"http://127.0.0.1:8080/files/{ID}",
        f"https://elsewhere.example/prefix/files/{ID}",
        f"//elsewhere.example/files/{ID}",
        f"/prefix/files/{ID}?token=x#y",
    ],
)
def test_a_partial_is_found_by_url_path_or_id(url: str) -> None:
    assert rules.resolve_partial(url, "/files/") == ID


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/",
        "/files/",
        ID.upper(),
        ID[:-1],
        f"{ID}0",
        f"/{ID}",
        f"/files/{ID}/",
        f"/files/{ID}/x",
        f"/files/../{ID}",
        f"/files/%30{ID[1:]}",
        f"/files/{ID[:5]}\t{ID[5:]}",
        f"/files/{ID}\t",
        f"\x01/files/{ID}",
        f"/other/{ID}",
        f"/myfiles/{ID}",
        f"files/{ID}",
        f"x/files/{ID}",
        f"http://files/{ID}",
        f"http://[/files/{ID}",
        f"http://x/?/files/{ID}",
    ],
)
def test_what_does_not_name_an_upload_of_ours_resolves_to_none(url: str) -> None:
    assert rules.resolve_partial(url, "/files/") is None


@given(st.text(st.characters()), st.sampled_from(["", "/files/", "http://x/files/", "http://[", "//"]))
def test_no_text_makes_resolving_fail(text: str, prefix: str) -> None:
    resolved = rules.resolve_partial(prefix + text, "/files/")
    assert resolved is None or resolved in text
