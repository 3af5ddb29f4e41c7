"""Uploads that are complete only once a request says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating
from tusd_py.domain.errors import UploadSpoiled
from tusd_py.domain.hook_refusals import UploadStopped
from tusd_py.domain.intents import Completion
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import AlreadyComplete, InconsistentLength, Refusal, TooLarge
from tusd_py.domain.upload import Upload
from tusd_py.engine import append as append_module
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.terminate import abandon
from tusd_py.ports.body import BodyEnd

LATER: dict[str, Any] = {"completion": Completion.NOT_YET, "strict": True}
NOW: dict[str, Any] = {"completion": Completion.WITH_THIS, "strict": True}


async def begin_upload(harness: Harness, length: int | None, *chunks: bytes) -> Upload:
    return await create(harness.engine, creating(length, body=True, **LATER), ScriptedBody(*chunks))


async def test_explicit_completion_is_required(harness: Harness) -> None:
    """An upload of explicit completion stays open with all its bytes, until an empty request completes it."""
    upload = await begin_upload(harness, 6, b"abcdef")
    assert (upload.offset, upload.phase) == (6, Phase.OPEN)
    done = await append(harness.engine, upload.id, appending(6, size=0, **NOW), ScriptedBody())
    assert done.done
    assert harness.stored(done) == b"abcdef"


async def test_a_request_of_tus_completes_it_when_it_is_full(harness: Harness) -> None:
    upload = await begin_upload(harness, 6, b"abc")
    assert (await append(harness.engine, upload.id, appending(3), ScriptedBody(b"def"))).done


async def test_a_full_one_is_completed_by_an_empty_request_of_tus(harness: Harness) -> None:
    upload = await begin_upload(harness, 3, b"abc")
    assert (await append(harness.engine, upload.id, appending(3, size=0), ScriptedBody())).done


async def test_completion_can_be_withdrawn(harness: Harness) -> None:
    """If the request that was to complete an upload is cut, a later one may bring all the other bytes and yet leave the
    upload open."""
    upload = await create(harness.engine, creating(6, body=True, **NOW), ScriptedBody(b"ab", end=BodyEnd.CUT))
    upload = await append(harness.engine, upload.id, appending(2, size=4, **LATER), ScriptedBody(b"cdef"))
    assert (upload.offset, upload.phase) == (6, Phase.OPEN)


@pytest.mark.parametrize("size", [3, None])
async def test_the_end_of_the_last_body_says_the_length(harness: Harness, size: int | None) -> None:
    upload = await begin_upload(harness, None, b"abc")
    done = await append(harness.engine, upload.id, appending(3, size=size, **NOW), ScriptedBody(b"def"))
    assert (done.length, done.phase) == (6, Phase.DONE)
    assert harness.stored(done) == b"abcdef"


async def test_a_whole_upload_of_unknown_length_takes_one_request(harness: Harness) -> None:
    done = await create(harness.engine, creating(None, body=True, **NOW), ScriptedBody(b"abc", b"def"))
    assert (done.length, done.phase) == (6, Phase.DONE)
    assert harness.stored(done) == b"abcdef"


@pytest.mark.parametrize("end", [BodyEnd.CUT, BodyEnd.IDLE, BodyEnd.STOPPED])
async def test_a_last_body_that_breaks_off_completes_nothing(harness: Harness, end: BodyEnd) -> None:
    upload = await begin_upload(harness, None, b"abc")
    record = await append(harness.engine, upload.id, appending(3, **NOW), ScriptedBody(b"de", end=end))
    assert (record.offset, record.length, record.phase) == (5, None, Phase.OPEN)


async def test_a_cut_last_body_completes_nothing(harness: Harness) -> None:
    """A last body that ends before the upload's length completes nothing."""
    upload = await begin_upload(harness, 10, b"abc")
    with pytest.raises(InconsistentLength):
        await append(harness.engine, upload.id, appending(3, **NOW), ScriptedBody(b"de"))
    record = await harness.record(upload)
    assert (record.offset, record.phase) == (5, Phase.OPEN)


async def test_a_last_body_of_wrong_size_is_not_read(harness: Harness) -> None:
    """A last body of another size than the remaining length is refused before it is read."""
    upload, body = await begin_upload(harness, 10, b"abc"), ScriptedBody(b"de")
    with pytest.raises(InconsistentLength):
        await append(harness.engine, upload.id, appending(3, size=2, **NOW), body)
    assert not body.continued
    assert await harness.record(upload) == upload


@pytest.mark.parametrize("size", [8, None])
async def test_more_bytes_than_the_length_end_the_upload(harness: Harness, size: int | None) -> None:
    upload = await begin_upload(harness, 10, b"abc")
    with pytest.raises(InconsistentLength):
        await append(harness.engine, upload.id, appending(3, size=size, **LATER), ScriptedBody(b"defghijk"))
    assert await harness.residue() == []


@pytest.mark.parametrize(("size", "how"), [(8, LATER), (None, LATER), (None, NOW)])
async def test_more_than_the_request_declares_ends_it_too(
    harness: Harness, size: int | None, how: dict[str, Any]
) -> None:
    """An IETF request whose bytes would take the upload beyond the length that the same request declares raises
    InconsistentLength and removes the upload."""
    upload = await begin_upload(harness, None, b"abc")
    with pytest.raises(InconsistentLength):
        await append(harness.engine, upload.id, appending(3, size=size, length=10, **how), ScriptedBody(b"defghijk"))
    assert await harness.residue() == []


async def test_what_another_request_has_completed_stays(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """An IETF request with more bytes than the upload's length raises AlreadyComplete, and keeps the upload, if another
    request completes the upload before this one can end it."""
    upload = await begin_upload(harness, 5, b"abc")

    async def abandon_late(*args: Any, **options: Any) -> bool:
        await append(harness.engine, upload.id, appending(3, size=2, **NOW), ScriptedBody(b"de"))
        return await abandon(*args, **options)

    monkeypatch.setattr(append_module, "abandon", abandon_late)
    with pytest.raises(AlreadyComplete):
        await append(harness.engine, upload.id, appending(3, **LATER), ScriptedBody(b"fgh"))
    assert harness.stored(await harness.record(upload)) == b"abcde"


@pytest.mark.parametrize("error", [UploadSpoiled, UploadStopped])
async def test_what_was_completed_before_a_refusal_stays(harness: Harness, error: type[Exception]) -> None:
    """A request whose bytes are spoiled, or that a hook stops, ends no upload that another request has completed."""
    upload = await begin_upload(harness, 5, b"abc")

    async def refuse_late() -> None:
        async with append_module._ending_if_invalid(harness.engine, upload.id, appending(3)):
            await append(harness.engine, upload.id, appending(3, size=2, **NOW), ScriptedBody(b"de"))
            raise error

    with pytest.raises(error):
        await refuse_late()
    assert harness.stored(await harness.record(upload)) == b"abcde"


async def test_an_end_that_fails_is_answered_as_an_end(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """An IETF request with more bytes than the upload's length raises InconsistentLength, even if the state fails, so
    that only a later sweep ends the upload."""
    upload = await begin_upload(harness, 5, b"abc")

    async def abandon_without_state(*args: Any, **options: Any) -> bool:
        harness.state.fuse.blow()
        return await abandon(*args, **options)

    monkeypatch.setattr(append_module, "abandon", abandon_without_state)
    with pytest.raises(InconsistentLength):
        await append(harness.engine, upload.id, appending(3, **LATER), ScriptedBody(b"fgh"))
    assert (await harness.record(upload)).alive
    await sweep(harness.engine)
    assert await harness.residue() == []


@pytest.mark.parametrize("length", [None, 6])
async def test_more_bytes_than_a_limit_allows_end_nothing(harness: Harness, length: int | None) -> None:
    harness.limit(max_length=5)
    upload = await begin_upload(harness, None, b"abc")
    with pytest.raises(TooLarge):
        await append(harness.engine, upload.id, appending(3, length=length, **LATER), ScriptedBody(b"defg"))
    assert (await harness.record(upload)).offset == 3


@pytest.mark.parametrize(
    ("chunk", "size", "how"), [(b"", 0, LATER), (b"d", 1, LATER), (b"d", 1, NOW), (b"d", None, NOW)]
)
async def test_a_complete_one_takes_nothing_and_stays(
    harness: Harness, chunk: bytes, size: int | None, how: dict[str, Any]
) -> None:
    done = await create(harness.engine, creating(3, body=True, **NOW), ScriptedBody(b"abc"))
    with pytest.raises(AlreadyComplete):
        await append(harness.engine, done.id, appending(3, size=size, **how), ScriptedBody(*filter(None, [chunk])))
    assert await harness.record(done) == done
    assert harness.stored(done) == b"abc"


async def test_a_complete_one_can_be_completed_again(harness: Harness) -> None:
    done = await create(harness.engine, creating(3, body=True, **NOW), ScriptedBody(b"abc"))
    assert await append(harness.engine, done.id, appending(3, size=0, **NOW), ScriptedBody()) == done


@pytest.mark.parametrize(
    ("length", "chunks", "refusal"), [(3, (b"ab", b"cd"), InconsistentLength), (9, (b"abc",), InconsistentLength)]
)
async def test_a_first_body_that_contradicts_its_length_leaves_nothing(
    harness: Harness, length: int, chunks: tuple[bytes, ...], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        await create(harness.engine, creating(length, body=True, **NOW), ScriptedBody(*chunks))
    assert await harness.residue() == []
