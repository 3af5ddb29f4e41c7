"""Rules of uploads that go straight to the storage."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.uploads import changed, upload
from tusd_py.domain.direct import DirectMode, DirectPart, DirectTransfer
from tusd_py.domain.direct_rules import (
    choose,
    expect_presigned,
    max_whole_length,
    newest,
    overfull,
    part_size,
    plan_begin,
    plan_complete,
    plan_part,
    plan_parts,
    reschedule_parts_check,
    schedule_parts_check,
    signature_lifetime,
)
from tusd_py.domain.intents import Begin
from tusd_py.domain.limits import Limits, PartLimits
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import AlreadyComplete, InconsistentLength, Malformed, TooLarge, UploadNotFound, WrongParts
from tusd_py.domain.rules import touch
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.storage.s3.grid import GIB, MIB

SMALL = PartLimits(max_parts=10, min_length=5, max_length=20)
ID = UploadId("0" * 31 + "1")


def of_parts(**changes: object) -> Upload:
    return replace(upload(direct=DirectTransfer(mode=DirectMode.PARTS), length=None), **changes)  # type: ignore[arg-type]  # named by tests


def parts(*lengths: int) -> list[DirectPart]:
    return [DirectPart(number=n, etag=f"e{n}", length=length) for n, length in enumerate(lengths, start=1)]


def test_one_request_has_limits_of_its_own() -> None:
    limits = Limits(max_length=100)
    assert max_whole_length(limits, SMALL) == 20
    assert max_whole_length(Limits(max_length=7), SMALL) == 7
    assert max_whole_length(Limits(), SMALL) == 20
    whole = Begin(mode=DirectMode.WHOLE, length=21)
    with pytest.raises(TooLarge):
        plan_begin(whole, upload_id=ID, limits=limits, parts=SMALL, now=0)
    record = plan_begin(replace(whole, mode=DirectMode.PARTS), upload_id=ID, limits=limits, parts=SMALL, now=0)
    assert (record.length, record.direct) == (21, DirectTransfer(mode=DirectMode.PARTS))


def test_what_is_signed_once_is_remembered() -> None:
    limits = Limits(upload_url_lifetime=60, expire_after=100)
    record = plan_begin(Begin(mode=DirectMode.WHOLE), upload_id=ID, limits=limits, parts=SMALL, now=5)
    planned = expect_presigned(record, limits, 9)
    assert planned.direct == DirectTransfer(mode=DirectMode.WHOLE, presigned_until=9 + 60 + 1)
    assert planned.times.expires_at == 105
    in_parts = plan_begin(Begin(mode=DirectMode.PARTS), upload_id=ID, limits=limits, parts=SMALL, now=5)
    assert expect_presigned(in_parts, limits, 9) == in_parts
    lifetimes = [signature_lifetime(planned, limits, now) for now in (9, 10, 12, 99)]
    assert lifetimes == [60, 60, 58, 1]


@pytest.mark.parametrize("unknown", [None, upload(), upload(direct=DirectTransfer(mode=DirectMode.WHOLE))])
def test_only_uploads_of_parts_are_known(unknown: Upload | None) -> None:
    with pytest.raises(UploadNotFound):
        plan_parts(unknown, limits=Limits(), now=0)


@pytest.mark.parametrize(
    ("length", "number", "part_length", "bound"),
    [
        (None, 10, None, None),
        (None, 1, 20, 20),
        (23, 1, None, 5),
        (23, 4, 5, 5),
        (23, 5, None, 3),
        (23, 5, 3, 3),
        (23, 1, 20, 20),
        (23, 2, 18, 18),
        (5, 1, None, 5),
        (4, 1, None, 4),
        (0, 1, None, 0),
        (101, 1, None, 11),
        (101, 10, None, 2),
    ],
)
def test_a_part_is_bound_to_what_is_known_of_it(
    length: int | None, number: int, part_length: int | None, bound: int | None
) -> None:
    assert plan_part(of_parts(length=length), number, part_length, limits=Limits(), parts=SMALL) == bound


@pytest.mark.parametrize(
    ("length", "number", "part_length"),
    [
        (None, 0, None),
        (None, 11, None),
        (23, 0, None),
        (23, 6, None),
        (5, 2, None),
        (None, 1, 21),
        (23, 1, 21),
        (23, 2, 19),
        (23, 5, 5),
        (23, 6, 0),
    ],
)
def test_a_part_that_can_not_be(length: int | None, number: int, part_length: int | None) -> None:
    with pytest.raises(WrongParts):
        plan_part(of_parts(length=length), number, part_length, limits=Limits(), parts=SMALL)


@given(st.integers(0, 200), st.integers(0, 25))
def test_signed_parts_sum_to_the_announced_length(length: int, chunk: int) -> None:
    """The lengths that all parts which can be signed must have sum to the announced length, for any part size that the
    client declares (`partsize`)."""
    announced = of_parts(length=length, metadata={"partsize": str(chunk).encode()})
    bounds = list[int]()
    with suppress(WrongParts):
        while True:
            bound = plan_part(announced, len(bounds) + 1, None, limits=Limits(), parts=SMALL)
            assert bound is not None
            bounds.append(bound)
    assert sum(bounds) == length
    assert len(bounds) <= SMALL.max_parts
    assert all(SMALL.min_length <= bound == bounds[0] <= SMALL.max_length for bound in bounds[:-1])


@given(st.integers(1, 5 * 1024**4), st.none() | st.integers(1, 10 * GIB))
def test_parts_are_as_long_as_uppy_makes_them(size: int, chunk_size: int | None) -> None:
    """A part is as long as @uppy/aws-s3 6.3.1 makes it (S3Uploader.ts), up to 5 GiB; `chunk_size` is the answer of its
    option getChunkSize, None without one."""
    chunk = max(-(-size // 10_000) if chunk_size is None else chunk_size, 5 * MIB)
    if -(-size // chunk) > 10_000:
        chunk = -(-size // 10_000)
    metadata = {} if chunk_size is None else {"partsize": str(chunk_size).encode()}
    assert part_size(size, metadata, PartLimits()) == min(chunk, 5 * GIB)


@pytest.mark.parametrize("text", [b"", b"-1", b"5.5", b"5 MiB", b"\xff"])
def test_malformed_part_size_is_refused_at_begin(text: bytes) -> None:
    begin = Begin(mode=DirectMode.PARTS, length=23, metadata={"partsize": text})
    with pytest.raises(Malformed, match=r"^partsize must be a non-negative integer$"):
        plan_begin(begin, upload_id=ID, limits=Limits(), parts=SMALL, now=0)


def test_limited_uploads_announce_their_size() -> None:
    """A direct upload without a size is Malformed if `announced_max_length` is set, except one by a form, which limits
    the size."""
    limits, formless = Limits(max_length=100, announced_max_length=100), replace(SMALL, forms=False)
    for direct, parts in ((DirectMode.PARTS, SMALL), (DirectMode.PARTS, formless), (DirectMode.WHOLE, formless)):
        with pytest.raises(
            Malformed, match=r"^tell the upload's size, as filesize in its metadata: it is limited here$"
        ):
            plan_begin(Begin(mode=direct), upload_id=ID, limits=limits, parts=parts, now=0)
        plan_begin(Begin(mode=direct), upload_id=ID, limits=Limits(max_length=100), parts=parts, now=0)
        plan_begin(Begin(mode=direct, length=20), upload_id=ID, limits=limits, parts=parts, now=0)
    plan_begin(Begin(mode=DirectMode.WHOLE), upload_id=ID, limits=limits, parts=SMALL, now=0)


def test_older_upload_without_size_gets_no_part() -> None:
    """An upload that began without a length, before `announced_max_length` was set, gets no part: it is Malformed, even
    if the part's length is declared."""
    with pytest.raises(Malformed):
        plan_part(of_parts(), 1, 5, limits=Limits(max_length=100, announced_max_length=100), parts=SMALL)


def test_no_part_is_longer_than_what_the_storage_holds() -> None:
    with pytest.raises(WrongParts):
        plan_part(of_parts(), 1, 13, limits=Limits(max_length=12), parts=SMALL)
    with pytest.raises(WrongParts):
        plan_part(of_parts(), 4, None, limits=Limits(max_length=12), parts=SMALL)


def test_what_is_complete_gets_no_part() -> None:
    with pytest.raises(AlreadyComplete):
        plan_part(of_parts(phase=Phase.DONE), 1, None, limits=Limits(), parts=SMALL)


@given(st.lists(st.integers(5, 20), min_size=1, max_size=10))
def test_all_parts_make_the_upload(lengths: list[int]) -> None:
    stored = parts(*lengths)
    full = plan_complete(of_parts(), choose(stored, stored), limits=Limits(), parts=SMALL)
    assert (full.phase, full.length, full.offset) == (Phase.FINISHING, sum(lengths), sum(lengths))
    assert full.full


@given(st.lists(st.integers(5, 20), min_size=1, max_size=10), st.data())
def test_whatever_is_left_out_or_forged_is_noticed(lengths: list[int], data: st.DataObject) -> None:
    stored = parts(*lengths)
    at = data.draw(st.integers(0, len(stored) - 1))
    without, forged = [*stored[:at], *stored[at + 1 :]], [*stored]
    forged[at] = replace(stored[at], etag="forged")
    for named_parts, stored_parts in ((without, stored), (stored, without), (forged, stored), (stored[::-1], stored)):
        if named_parts != stored_parts:
            with pytest.raises(WrongParts):
                choose(named_parts, stored_parts)


def test_of_a_part_that_was_sent_again_the_one_named_counts() -> None:
    old, new = DirectPart(number=1, etag="old", length=3), DirectPart(number=1, etag="new", length=4)
    assert choose([replace(new, length=0)], [old, new]) == [new]
    assert choose([replace(old, length=0)], [old, new]) == [old]
    assert newest([old, new, *parts(1, 2)[1:]]) == [new, parts(1, 2)[1]]


def test_nothing_is_no_upload() -> None:
    with pytest.raises(WrongParts, match="at least one part"):
        choose([], [])


@pytest.mark.parametrize(
    ("lengths", "limits", "refusal"),
    [
        ((4, 5), PartLimits(min_length=5), WrongParts),
        ((5, 6, 5), PartLimits(min_length=5, equal=True), WrongParts),
        ((5, 5, 6), PartLimits(min_length=5, equal=True), WrongParts),
    ],
)
def test_sizes_that_the_storage_would_refuse(
    lengths: tuple[int, ...], limits: PartLimits, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        plan_complete(of_parts(), parts(*lengths), limits=Limits(), parts=limits)


def test_sizes_that_it_takes() -> None:
    equal = PartLimits(min_length=5, equal=True)
    for lengths in ((1,), (5, 5, 5), (5, 5, 1), (9, 9)):
        assert plan_complete(of_parts(), parts(*lengths), limits=Limits(), parts=equal).length == sum(lengths)


def test_fewer_bytes_than_were_announced() -> None:
    with pytest.raises(InconsistentLength):
        plan_complete(of_parts(length=11), parts(5, 5), limits=Limits(), parts=SMALL)


@pytest.mark.parametrize("lengths", [(5, 5), (1, 9)])
def test_completion_over_the_limit_is_too_large(lengths: tuple[int, ...]) -> None:
    """A completion with more bytes than announced or allowed raises `TooLarge`, not WrongParts, which would ask the
    client for other parts."""
    for announced, limit in ((9, None), (None, 9), (10, 9)):
        with pytest.raises(TooLarge, match=r"^the upload can have 9 bytes at most$"):
            plan_complete(of_parts(length=announced), parts(*lengths), limits=Limits(max_length=limit), parts=SMALL)


def test_repeated_parts_are_not_overfull() -> None:
    """An upload isn't overfull if all parts are stored twice, as some storages keep repeats. It is if they exceed twice
    the announced length plus 8 times the least length of a part, or if the newest ones of all numbers together exceed
    the length. Without an announced length it never is."""
    announced, twice = of_parts(length=10), [*parts(5, 5), *parts(5, 5)]
    assert not overfull(announced, twice, SMALL)
    assert not overfull(announced, [*twice, *parts(5, 5, 0) * 4], SMALL)
    assert overfull(announced, [*twice, *parts(5, 5, 0) * 4, *parts(1, 0)[:1], *parts(5, 5)], SMALL)
    assert overfull(announced, parts(5, 6), SMALL)
    assert overfull(announced, parts(5, 5, 1), SMALL)
    assert not overfull(of_parts(), parts(5, 500), SMALL)


def test_parts_check_is_due_before_expiry() -> None:
    limits = Limits(upload_url_lifetime=900)
    record = schedule_parts_check(of_parts(length=10), limits=limits, now=100)
    assert record.due_at == _parts_check_at(record) == 1060
    assert schedule_parts_check(record, limits=limits, now=500) == record
    assert changed(record, expires_at=700.0).due_at == 700
    assert replace(record, phase=Phase.DONE).due_at is None
    active = changed(record, updated_at=500.0)
    assert _parts_check_at(reschedule_parts_check(active, limits=limits, now=1060)) == 2020
    assert _parts_check_at(reschedule_parts_check(active, limits=limits, now=1460)) is None


def _parts_check_at(of: Upload) -> float | None:
    assert of.direct is not None
    return of.direct.parts_check_at


def test_checks_for_the_object_grow_fourfold_apart() -> None:
    """An awaited object is looked for 30 s after the creation, and each time at four times the age of the look before
    (120, 480 s), until the upload expires."""
    limits = Limits(expire_after=1000)
    waiting, looks = (
        touch(upload(direct=DirectTransfer(mode=DirectMode.WHOLE), created_at=0.0), 0, limits),
        list[float](),
    )
    while (due := waiting.due_at) is not None and not waiting.expired(due):
        looks.append(due)
        waiting = touch(waiting, due, limits)
    assert looks == [30, 120, 480]
    assert waiting.times.expires_at == waiting.due_at == 1000
