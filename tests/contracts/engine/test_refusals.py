"""Requests that the rules in `domain/` refuse, with each state store: nothing is stored or recorded, there is no event,
and no byte of a body is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.support.direct_access import ScriptedAccess
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating, joining, naming
from tusd_py.domain.direct import DirectMode, DirectPart
from tusd_py.domain.events import Reason
from tusd_py.domain.intents import Append, Begin, Body, Completion, Create
from tusd_py.domain.limits import PartLimits
from tusd_py.domain.refusals import (
    Forbidden,
    InconsistentLength,
    Malformed,
    Refusal,
    TooLarge,
    TypeNotAllowed,
    WrongParts,
)
from tusd_py.domain.upload import Kind, Upload
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.direct import begin, complete, open_parts, sign_part
from tusd_py.engine.terminate import terminate

PICTURES = {"allowed_types": ("image/*",), "allowed_extensions": ("png",)}
PICTURE = {"filetype": b"Image/PNG; q=1", "filename": b"holiday\\me.PNG"}
WITH_THIS = Completion.WITH_THIS
PARTS = Begin(mode=DirectMode.PARTS)


async def contents(harness: Harness) -> tuple[object, ...]:
    return (await harness.uploads(), harness.stored_names, list(harness.observer.events))


CREATIONS: dict[str, tuple[Mapping[str, Any], Create, type[Refusal]]] = {
    "another type": (PICTURES, creating(3, metadata={**PICTURE, "filetype": b"text/plain"}), TypeNotAllowed),
    "no type": (PICTURES, creating(3, metadata={"filename": PICTURE["filename"]}), TypeNotAllowed),
    "another extension": (PICTURES, creating(3, metadata={**PICTURE, "filename": b"me.png.exe"}), TypeNotAllowed),
    "an extension alone": (PICTURES, creating(3, metadata={**PICTURE, "filename": b"a/.png"}), TypeNotAllowed),
    "a length past the limit": ({"max_length": 10}, creating(11), TooLarge),
    "a body past the length": ({}, Create(length=4, body=Body(length=5)), TooLarge),
    "two lengths": ({}, Create(length=4, body=Body(length=3), completion=WITH_THIS), InconsistentLength),
    "a partial of no id": ({}, Create(kind=Kind.FINAL, partials=("/files/a\tb",)), Malformed),
    "a partial of no URL": ({}, Create(kind=Kind.FINAL, partials=("http://[/files/a",)), Malformed),
}


@pytest.mark.parametrize("case", CREATIONS)
async def test_a_refused_creation_leaves_nothing_and_asks_for_no_byte(harness: Harness, case: str) -> None:
    limits, intent, refusal = CREATIONS[case]
    harness.limit(**limits)
    body = ScriptedBody(b"abc")
    with pytest.raises(refusal):
        await create(harness.engine, intent, body)
    assert (await contents(harness), body.continued) == (([], [], []), False)


async def test_what_is_allowed_is_taken_however_it_is_written(harness: Harness) -> None:
    harness.limit(**PICTURES)
    assert (await create(harness.engine, creating(3, metadata=PICTURE), ScriptedBody())).metadata == PICTURE


async def test_an_upload_that_is_not_a_partial_one_joins_nothing(harness: Harness) -> None:
    upload = await create(harness.engine, creating(3, body=True), ScriptedBody(b"abc"))
    before = await contents(harness)
    with pytest.raises(Malformed, match="not a partial one"):
        await create(harness.engine, joining(upload.id), ScriptedBody())
    assert await contents(harness) == before


APPENDS: dict[str, tuple[Append, type[Refusal]]] = {
    "a length that is passed already": (appending(3, length=2), Malformed),
    "the same with its end": (appending(3, length=2, completion=WITH_THIS), InconsistentLength),
    "an end elsewhere than declared": (appending(3, size=2, length=6, completion=WITH_THIS), InconsistentLength),
}


@pytest.mark.parametrize("case", APPENDS)
async def test_a_refused_end_of_an_upload_changes_nothing(harness: Harness, case: str) -> None:
    upload = await create(harness.engine, creating(None, body=True), ScriptedBody(b"abc"))
    intent, refusal = APPENDS[case]
    before, body = await contents(harness), ScriptedBody(b"de")
    with pytest.raises(refusal):
        await append(harness.engine, upload.id, intent, body)
    assert (await contents(harness), body.continued) == (before, False)


async def test_clients_may_not_delete_finished_uploads(
    harness: Harness,
) -> None:
    """With `terminates_finished` False, a client gets Forbidden when it ends a finished upload, unless the upload is
    partial."""
    harness.limit(terminates_finished=False)
    upload = await create(harness.engine, creating(0), ScriptedBody())
    partial = await create(harness.engine, creating(0, kind=Kind.PARTIAL), ScriptedBody())
    with pytest.raises(Forbidden):
        await terminate(harness.engine, upload.id, Reason.CLIENT)
    await terminate(harness.engine, partial.id, Reason.CLIENT)
    assert await harness.residue() == [upload.id, upload.id]


# straight to the storage


@pytest.mark.usefixtures("access")
@pytest.mark.parametrize(
    ("limits", "intent"),
    [({"announced_max_length": 10}, PARTS), ({}, replace(PARTS, metadata={"partsize": b"-1"}))],
    ids=["no size where it is limited", "parts of no size"],
)
async def test_a_refused_announcement_leaves_nothing(
    harness: Harness, limits: Mapping[str, Any], intent: Begin
) -> None:
    harness.limit(**limits)
    with pytest.raises(Malformed):
        await begin(harness.engine, intent)
    assert await contents(harness) == ([], [], [])


@pytest.mark.usefixtures("access")
async def test_direct_uploads_refuse_bytes_here(harness: Harness) -> None:
    """A direct upload takes no bytes through the server."""
    upload, body = await begin(harness.engine, PARTS), ScriptedBody(b"a")
    with pytest.raises(Forbidden):
        await append(harness.engine, upload.id, appending(0), body)
    assert not body.continued


@pytest.mark.parametrize("added", [{"k": b"12345678"}, {"k": b"", "l": b""}], ids=["too long", "too many keys"])
async def test_more_metadata_than_a_record_holds_is_not_added(
    harness: Harness, access: ScriptedAccess, added: Mapping[str, bytes]
) -> None:
    harness.limit(max_metadata_bytes=8, max_metadata_keys=1)
    upload = await begin(harness.engine, PARTS)
    before = await contents(harness)
    with pytest.raises(Malformed):
        await open_parts(harness.engine, upload.id, access.key(upload), added)
    assert await contents(harness) == before


async def test_a_part_longer_than_the_rest_of_its_upload_is_not_signed(
    harness: Harness, access: ScriptedAccess
) -> None:
    upload = await begin(harness.engine, replace(PARTS, length=7))
    with pytest.raises(WrongParts, match="part 2 can have 5 bytes at most"):
        await sign_part(harness.engine, upload.id, access.key(upload), 2, 6)
    assert access.signed == []


def renamed(parts: Sequence[DirectPart]) -> list[DirectPart]:
    return [replace(part, etag="another") for part in parts]


async def refuses(harness: Harness, access: ScriptedAccess, upload: Upload, listed: Sequence[DirectPart]) -> Refusal:
    before = await contents(harness)
    with pytest.raises(Refusal) as refusal:
        await complete(harness.engine, upload.id, access.key(upload), naming(listed))
    assert await contents(harness) == before
    return refusal.value


async def test_only_all_parts_that_are_stored_make_an_upload(harness: Harness, access: ScriptedAccess) -> None:
    upload = await begin(harness.engine, replace(PARTS, length=5))
    assert "at least one part" in (await refuses(harness, access, upload, [])).message
    stored = access.bring(upload, b"abc", b"d")
    assert "with that ETag" in (await refuses(harness, access, upload, renamed(stored))).message
    assert isinstance(await refuses(harness, access, upload, stored), InconsistentLength)


@pytest.mark.parametrize("brought", [(b"abc", b"de", b"f"), (b"ab", b"abc")], ids=["in the middle", "at the end"])
async def test_equal_parts_are_required(harness: Harness, access: ScriptedAccess, brought: tuple[bytes, ...]) -> None:
    """Parts of several lengths raise WrongParts if the storage needs equal ones; only the last may be shorter."""
    access.part_limits = PartLimits(min_length=2, max_length=20, equal=True)
    upload = await begin(harness.engine, PARTS)
    assert isinstance(await refuses(harness, access, upload, access.bring(upload, *brought)), WrongParts)
    done = await complete(harness.engine, upload.id, access.key(upload), naming(access.bring(upload, b"abc", b"d")))
    assert harness.stored(done) == b"abcd"
