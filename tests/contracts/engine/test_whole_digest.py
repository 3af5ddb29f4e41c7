"""The digest of a whole upload, wanted or announced by its client: the record has it once the upload is done, and an
upload with another digest than announced is removed."""

from __future__ import annotations

import hashlib

import pytest

from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.errors import StorageUnavailable, UploadLost, UploadSpoiled
from tusd_py.domain.phase import Phase
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.lookup import inspect
from tusd_py.ports.body import BodyEnd

WANTED = WholeDigest(algorithm="sha256")


def announced(data: bytes) -> WholeDigest:
    return WholeDigest(algorithm="sha256", value=hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("whole", [WANTED, announced(b"abcdef")])
@pytest.mark.parametrize("first", [b"abcdef", b"abc", b""])
async def test_a_digest_of_many_requests_is_known(harness: Harness, whole: WholeDigest, first: bytes) -> None:
    """The digest of all bytes of an upload, wanted or announced at its creation, is recorded once the upload is done,
    also if two requests brought the bytes."""
    body = ScriptedBody(*filter(None, [first]), end=BodyEnd.CUT)
    upload = await create(harness.engine, creating(6, body=True, whole=whole), body)
    if upload.offset < 6:
        upload = await append(harness.engine, upload.id, appending(len(first)), ScriptedBody(b"abcdef"[len(first) :]))
    assert (upload.phase, upload.digest) == (Phase.DONE, announced(b"abcdef"))
    assert await harness.record(upload) == upload


async def test_the_empty_upload_has_one_too(harness: Harness) -> None:
    assert (await create(harness.engine, creating(0, whole=WANTED), ScriptedBody())).digest == announced(b"")


async def test_a_later_request_may_want_it(harness: Harness) -> None:
    upload = await create(harness.engine, creating(6, body=True), ScriptedBody(b"abc", end=BodyEnd.CUT))
    done = await append(harness.engine, upload.id, appending(3, whole=WANTED), ScriptedBody(b"def"))
    assert done.digest == announced(b"abcdef")


async def test_a_later_wish_changes_no_announcement(harness: Harness) -> None:
    """A request that wants a digest takes away neither the announced one nor its algorithm."""
    intent = creating(6, body=True, whole=announced(b"abcdef"))
    upload = await create(harness.engine, intent, ScriptedBody(b"abc", end=BodyEnd.CUT))
    want = WholeDigest(algorithm="sha512")
    with pytest.raises(UploadSpoiled):
        await append(harness.engine, upload.id, appending(3, whole=want), ScriptedBody(b"xyz"))


async def test_another_in_one_request_leaves_nothing(harness: Harness) -> None:
    with pytest.raises(UploadSpoiled):
        await create(harness.engine, creating(3, body=True, whole=announced(b"abc")), ScriptedBody(b"xyz"))
    assert await harness.residue() == []


async def test_another_after_several_requests_leaves_nothing(harness: Harness) -> None:
    intent = creating(6, body=True, whole=announced(b"abcdef"))
    upload = await create(harness.engine, intent, ScriptedBody(b"xyz", end=BodyEnd.CUT))
    with pytest.raises(UploadSpoiled):
        await append(harness.engine, upload.id, appending(3), ScriptedBody(b"def"))
    assert await harness.residue() == []


@pytest.mark.parametrize("right", [True, False])
async def test_the_digest_is_computed_by_any_finisher(harness: Harness, *, right: bool) -> None:
    intent = creating(6, body=True, whole=announced(b"abcdef" if right else b"other"))
    upload = await create(harness.engine, intent, ScriptedBody(b"abc", end=BodyEnd.CUT))
    harness.storage.fuse.blow(2)
    with pytest.raises(StorageUnavailable):
        await append(harness.engine, upload.id, appending(3), ScriptedBody(b"def"))
    if right:
        assert (await inspect(harness.engine, upload.id)).done
    else:
        with pytest.raises(UploadLost):
            await inspect(harness.engine, upload.id)
        harness.now += 100
        await sweep(harness.engine)
        assert await harness.residue() == []
