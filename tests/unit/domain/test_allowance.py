"""Limits that a credential puts on the uploads that are created with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.intents import appending
from tests.support.uploads import upload
from tusd_py.domain.direct import DirectMode, DirectPart
from tusd_py.domain.direct_rules import max_whole_length, plan_begin, plan_complete, plan_open, plan_part
from tusd_py.domain.intents import Begin, Body, Completion, Create
from tusd_py.domain.lengths import length_limit, remaining_bytes
from tusd_py.domain.limits import Limits, PartLimits
from tusd_py.domain.metadata import Metadata
from tusd_py.domain.phase import Phase
from tusd_py.domain.principal import Allowance, Principal, account_of
from tusd_py.domain.record_json import decode, encode
from tusd_py.domain.refusals import Malformed, TooLarge, TypeNotAllowed
from tusd_py.domain.rules import plan_append, plan_create, plan_final
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId

ID, LIMITS, PARTS = UploadId("0" * 32), Limits(), PartLimits(max_parts=10, min_length=2, max_length=20)
TEN, PICTURES = Allowance(max_length=10), Allowance(types=("image/*",))
FORCED = Allowance(metadata={"tenant": b"acme", "filetype": b"image/png"}, types=("image/*",))
PNG: Metadata = {"filetype": b"image/png"}


def create(intent: Create, allowance: Allowance, limits: Limits = LIMITS) -> Upload:
    return plan_create(intent, upload_id=ID, limits=limits, now=0, allowance=allowance)


def begin(intent: Begin, allowance: Allowance, parts: PartLimits = PARTS) -> Upload:
    return plan_begin(intent, upload_id=ID, limits=LIMITS, parts=parts, now=0, allowance=allowance)


def open_parts(planned: Upload, metadata: Metadata) -> Upload:
    return plan_open(planned, metadata, limits=LIMITS)


def test_a_declared_length_past_the_credentials_is_too_large() -> None:
    assert create(Create(length=10), TEN).length == 10
    with pytest.raises(TooLarge):
        create(Create(length=11), TEN)
    with pytest.raises(TooLarge):
        create(Create(length=6), TEN, Limits(max_length=5))


def test_deferred_length_is_held_to_the_allowance() -> None:
    """For an upload with a deferred length, neither a length declared later nor the bytes sent can exceed the limit of
    the credential that created it, even if they come with another credential."""
    stored = decode(encode(replace(create(Create(), TEN), offset=4)))
    assert (stored.max_length, remaining_bytes(stored, LIMITS), length_limit(stored, LIMITS)) == (10, 6, 10)
    assert remaining_bytes(stored, Limits(max_length=100, max_deferred_length=8)) == 4
    plan = plan_append(appending(4, size=6), stored, limits=LIMITS, now=0)
    assert plan.max_bytes == 6
    for intent in (
        appending(4, size=7),
        appending(4, size=1, length=11),
        appending(4, size=7, completion=Completion.WITH_THIS),
    ):
        with pytest.raises(TooLarge):
            plan_append(intent, stored, limits=LIMITS, now=0)


def test_a_first_body_of_a_deferred_length_is_held_to_it() -> None:
    with pytest.raises(TooLarge):
        create(Create(body=Body(length=11)), TEN)


def test_a_final_upload_is_held_to_the_credential_that_makes_it() -> None:
    partials = [upload(kind=Kind.PARTIAL, phase=Phase.DONE, length=6, offset=6)] * 2
    with pytest.raises(TooLarge):
        plan_final(Create(kind=Kind.FINAL), partials, upload_id=ID, limits=LIMITS, now=0, allowance=TEN)


@pytest.mark.parametrize("allowance", [PICTURES, replace(PICTURES, types=("image/png", "text/*"))])
def test_a_type_that_the_credential_does_not_allow(allowance: Allowance) -> None:
    assert create(Create(length=1, metadata=PNG), allowance).metadata == PNG
    assert create(Create(length=1, metadata={"type": b"IMAGE/png; a=b"}), allowance).length == 1
    for metadata in ({}, {"filetype": b"video/mp4"}, {"type": b"x"}):
        with pytest.raises(TypeNotAllowed, match="your credential allows"):
            create(Create(length=1, metadata=metadata), allowance)


def test_both_the_servers_types_and_the_credentials_count() -> None:
    with pytest.raises(TypeNotAllowed, match="taken here"):
        create(Create(length=1, metadata=PNG), PICTURES, Limits(allowed_types=("video/*",)))


def test_a_partial_upload_may_leave_its_type_to_the_final_one() -> None:
    assert create(Create(kind=Kind.PARTIAL, length=1), PICTURES).length == 1
    with pytest.raises(TypeNotAllowed):
        create(Create(kind=Kind.PARTIAL, length=1, metadata={"filetype": b"text/html"}), PICTURES)
    with pytest.raises(TypeNotAllowed):
        plan_final(Create(kind=Kind.FINAL), [], upload_id=ID, limits=LIMITS, now=0, allowance=PICTURES)


def test_its_metadata_replaces_the_clients() -> None:
    planned = create(Create(length=1, metadata={"tenant": b"other", "name": b"n", "filetype": b"text/html"}), FORCED)
    assert planned.metadata == {"tenant": b"acme", "name": b"n", "filetype": b"image/png"}
    record = begin(Begin(mode=DirectMode.PARTS, length=1, metadata={"tenant": b"other"}), FORCED)
    assert open_parts(record, {"filetype": b"text/html", "tenant": b"x"}).metadata == record.metadata


def test_direct_uploads_are_held_to_it_too() -> None:
    with pytest.raises(TooLarge):
        begin(Begin(mode=DirectMode.PARTS, length=11), TEN)
    with pytest.raises(TooLarge):
        begin(Begin(mode=DirectMode.WHOLE, length=11), TEN)
    with pytest.raises(Malformed, match="size"):
        begin(Begin(mode=DirectMode.PARTS), TEN)
    whole = begin(Begin(mode=DirectMode.WHOLE), TEN)
    assert max_whole_length(LIMITS.within(whole.max_length), PARTS) == 10
    unsized = replace(begin(Begin(mode=DirectMode.PARTS, length=1), TEN), length=None)
    with pytest.raises(Malformed, match="size"):
        plan_part(unsized, 1, 5, limits=LIMITS, parts=PARTS)
    with pytest.raises(TooLarge):
        plan_complete(unsized, [DirectPart(number=1, etag="e", length=11)], limits=LIMITS, parts=PARTS)


def test_limited_direct_upload_declares_its_type_first() -> None:
    """With a credential that limits types, a direct upload in parts that begins without its type is refused."""
    assert begin(Begin(mode=DirectMode.PARTS, length=1), Allowance()).metadata == {}
    with pytest.raises(TypeNotAllowed):
        begin(Begin(mode=DirectMode.PARTS, length=1), PICTURES)
    record = begin(Begin(mode=DirectMode.PARTS, length=1, metadata={"type": b"image/png"}), PICTURES)
    assert open_parts(record, {"filetype": b"text/html"}).metadata == {"type": b"image/png"}


def test_an_account_is_the_owner_within_its_tenant() -> None:
    assert account_of(None) == account_of(Principal(subject=None, tenant="t")) == "-"
    assert account_of(Principal(subject="alice")) == "alice"
    assert account_of(Principal(subject="alice", tenant="t")) == "t/alice"
