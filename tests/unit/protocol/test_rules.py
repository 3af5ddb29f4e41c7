"""The rules of creating, joining, showing, terminating, expiring and naming uploads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.uploads import changed
from tests.unit.protocol.rule_examples import (
    CHUNKED,
    DEFERRED,
    DONE,
    EMPTY,
    EXPIRED,
    FINAL,
    ID,
    NOW,
    OPEN,
    OTHER_ID,
    PARTIAL,
)
from tusd_py.domain import rules
from tusd_py.domain.events import EventType, Reason
from tusd_py.domain.intents import Body, Create
from tusd_py.domain.limits import Limits
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import Malformed, TooLarge, UploadGone, UploadNotFound
from tusd_py.domain.upload import Kind, Times, Upload


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
def test_oversized_first_body_is_refused_unread(length: int | None, body: Body, limits: Limits) -> None:
    with pytest.raises(TooLarge):
        create(Create(length=length, body=body), limits)


@pytest.mark.parametrize("body", [None, CHUNKED, EMPTY, Body(length=10)])
def test_a_first_body_that_may_fit_is_taken(body: Body | None) -> None:
    assert create(Create(length=10, body=body)).offset == 0


# Concatenating


def test_final_upload_joins_partials_in_order() -> None:
    """A final upload has its partial uploads in the order of the client, the sum of their lengths, and its own
    metadata."""
    first, second = PARTIAL, replace(PARTIAL, id=OTHER_ID, length=2, offset=2, metadata={"name": b"piece"})
    final = concatenate([second, first])
    assert final.partials == (OTHER_ID, ID)
    assert (final.kind, final.phase) == (Kind.FINAL, Phase.FINISHING)
    assert (final.offset, final.length) == (12, 12)
    assert final.metadata == {"name": b"whole"}


def test_a_partial_may_stand_twice_in_one_list() -> None:
    assert concatenate([PARTIAL, PARTIAL]).partials == (ID, ID)


def test_repeated_partials_are_limited() -> None:
    """A final upload may name each partial upload up to `max_partial_uses` times; more is Malformed. Names of no upload
    (None) don't count."""
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
def test_concatenation_needs_existing_finished_partials(partial: Upload | None) -> None:
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


def test_a_partial_is_found_below_the_public_endpoint() -> None:
    assert rules.resolve_partial(f"https://up.example/up/{ID}", "/files/", "https://up.example/up/") == ID
    assert rules.resolve_partial(f"https://up.example/up/x/{ID}", "/files/", "https://up.example/up/") is None


@pytest.mark.parametrize(
    ("url", "base_path", "endpoint", "name"),
    [
        ("one", "/files/", "", "one"),
        ("/files/videos/one", "/files/", "", "videos/one"),
        ("http://h/videos/one", "/", "", "videos/one"),
        ("http://h/files/a/files/b?x#y", "/files/", "", "a/files/b"),
        ("http://h/prefix/files/a/b", "/files/", "", "a/b"),
        ("http://h/up/a/b", "/", "https://up.example/up/", "a/b"),
        ("http://h/up/a/files/b", "/files/", "https://up.example/up/", "a/files/b"),
        ("http://h/files/x/files/a", "/files/", "http://h/files/x/files/", "a"),
        ("/files/a", "/files/", "https://up.example/up/", "a"),
    ],
)
def test_a_named_partial_is_all_below_the_endpoint(url: str, base_path: str, endpoint: str, name: str) -> None:
    assert rules.named_partial(url, base_path, endpoint) == name


@pytest.mark.parametrize("url", ["", "/", "/files/", "/other/a", "x/files/a", "/files/a//b", "http://[/files/a"])
def test_what_is_below_no_endpoint_has_no_name(url: str) -> None:
    assert rules.named_partial(url, "/files/", "https://up.example/up/") is None


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
