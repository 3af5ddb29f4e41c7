"""A file of a type that isn't allowed is refused before its first byte is stored, in chunks of any size; partial
uploads are judged when they are joined."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

import pytest

from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating, joining
from tusd_py.domain.content_types import HEAD_BYTES
from tusd_py.domain.intents import Body, Completion, Create
from tusd_py.domain.refusals import Malformed, TooLarge, TypeNotAllowed
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.make import make
from tusd_py.ports.body import BodyEnd
from tusd_py.storage import memory
from tusd_py.transfer.file_marks import FileMarks

MARKS = FileMarks()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(HEAD_BYTES)
PROGRAM = b"MZ\x90\x00" + bytes(HEAD_BYTES)
PICTURE = {"filetype": b"image/png"}
TABLE = {"filetype": b"text/csv"}
TEXT = b"name,price\n" * HEAD_BYTES
WITH_THIS = Completion.WITH_THIS


@pytest.fixture
def picky(harness: Harness) -> Harness:
    harness.limit(allowed_types=("image/*", "text/csv"))
    harness.engine = replace(harness.engine, marks=MARKS)
    return harness


def drops(data: bytes) -> Sequence[bytes]:
    """Return the data as pieces of one byte each."""
    return [data[place : place + 1] for place in range(len(data))]


def stored(harness: Harness) -> int:
    """Return the number of bytes that the storage has of unfinished uploads."""
    return sum(map(len, harness.storage._parts.values()))


async def begin_upload(harness: Harness, length: int | None, kind: dict[str, bytes] = PICTURE) -> Upload:
    return await create(harness.engine, creating(length, metadata=kind), ScriptedBody())


@pytest.mark.parametrize("chunks", [[PNG], [PNG[:5], PNG[5:]], drops(PNG)])
async def test_an_allowed_type_is_stored_as_it_came(picky: Harness, chunks: Sequence[bytes]) -> None:
    upload = await create(picky.engine, creating(len(PNG), body=True, metadata=PICTURE), ScriptedBody(*chunks))
    assert picky.stored(upload) == PNG


@pytest.mark.parametrize("chunks", [[PROGRAM], [PROGRAM[:1], PROGRAM[1:]], drops(PROGRAM)])
async def test_another_type_in_a_creation_leaves_nothing(picky: Harness, chunks: Sequence[bytes]) -> None:
    with pytest.raises(TypeNotAllowed):
        await create(picky.engine, creating(len(PROGRAM), body=True, metadata=PICTURE), ScriptedBody(*chunks))
    assert await picky.residue() == []


async def test_another_type_in_an_append_leaves_the_upload_as_it_was(picky: Harness) -> None:
    upload = await begin_upload(picky, len(PROGRAM))
    with pytest.raises(TypeNotAllowed):
        await append(picky.engine, upload.id, appending(0), ScriptedBody(PROGRAM))
    assert (stored(picky), (await picky.record(upload)).offset) == (0, 0)
    assert (await append(picky.engine, upload.id, appending(0), ScriptedBody(PNG[:99]))).offset == 99


async def test_undecided_bytes_are_not_stored_piecemeal(picky: Harness) -> None:
    """First bytes too few to show their type aren't stored if their body breaks off; a complete body of so few raises
    TypeNotAllowed, unless it is the whole upload."""
    upload = await begin_upload(picky, len(PROGRAM))
    for end in (BodyEnd.CUT, BodyEnd.IDLE, BodyEnd.STOPPED):
        record = await append(picky.engine, upload.id, appending(0), ScriptedBody(PROGRAM[:1], end=end))
        assert (record.offset, stored(picky)) == (0, 0)
    with pytest.raises(TypeNotAllowed, match=f"send {HEAD_BYTES} bytes or more in the first request:"):
        await append(picky.engine, upload.id, appending(0), ScriptedBody(PROGRAM[:1]))
    assert (stored(picky), (await picky.record(upload)).offset) == (0, 0)


async def test_a_mark_is_enough_in_a_first_request(picky: Harness) -> None:
    upload = await begin_upload(picky, len(PNG))
    upload = await append(picky.engine, upload.id, appending(0), ScriptedBody(PNG[:16], end=BodyEnd.CUT))
    upload = await append(picky.engine, upload.id, appending(16), ScriptedBody(PNG[16:]))
    assert picky.stored(upload) == PNG


@pytest.mark.parametrize("size", [4, 11])
async def test_half_a_mark_is_not_enough(picky: Harness, size: int) -> None:
    """A body that is cut off after RIFF, before the second mark that tells an AVI film from a WebP picture, isn't
    stored; with that mark, the film is refused and the picture taken."""
    film = b"RIFF\x24\x00\x00\x00AVI LIST" + bytes(HEAD_BYTES)
    upload = await begin_upload(picky, len(film))
    record = await append(picky.engine, upload.id, appending(0), ScriptedBody(film[:size], end=BodyEnd.CUT))
    assert (record.offset, stored(picky)) == (0, 0)
    for chunks in ([film[:size]], [film], drops(film)):
        with pytest.raises(TypeNotAllowed):
            await append(picky.engine, upload.id, appending(0), ScriptedBody(*chunks))
    picture = b"RIFF\x24\x00\x00\x00WEBPVP8 "
    assert (await append(picky.engine, upload.id, appending(0), ScriptedBody(picture[:12]))).offset == 12


async def test_a_whole_upload_may_be_short(picky: Harness) -> None:
    for data in (b"a,b\n", b""):
        upload = await begin_upload(picky, len(data), TABLE)
        if data:
            upload = await append(picky.engine, upload.id, appending(0), ScriptedBody(data))
        assert picky.stored(upload) == data
    ended = Create(length=None, metadata=TABLE, body=Body(length=None), completion=WITH_THIS)
    assert picky.stored(await create(picky.engine, ended, ScriptedBody(b"a,b\n"))) == b"a,b\n"
    with pytest.raises(TypeNotAllowed):
        await create(picky.engine, replace(ended, metadata=PICTURE), ScriptedBody(b"a,b\n"))
    upload = await create(picky.engine, creating(None, metadata=TABLE, completion=Completion.NOT_YET), ScriptedBody())
    done = await append(
        picky.engine, upload.id, appending(0, completion=WITH_THIS, strict=True), ScriptedBody(b"a,b\n")
    )
    assert picky.stored(done) == b"a,b\n"


async def test_only_the_first_bytes_are_judged(picky: Harness) -> None:
    upload = await begin_upload(picky, len(TEXT) + len(PROGRAM), TABLE)
    upload = await append(picky.engine, upload.id, appending(0), ScriptedBody(TEXT))
    upload = await append(picky.engine, upload.id, appending(len(TEXT)), ScriptedBody(PROGRAM))
    assert picky.stored(upload) == TEXT + PROGRAM


@pytest.mark.parametrize("cut", [5, HEAD_BYTES])
async def test_a_body_is_judged_by_its_first_bytes_alone(picky: Harness, cut: int) -> None:
    data = TEXT[:HEAD_BYTES] + PROGRAM
    intent = creating(len(data), body=True, metadata=TABLE)
    upload = await create(picky.engine, intent, ScriptedBody(data[:cut], data[cut:]))
    assert picky.stored(upload) == data
    final = replace(joining(*await partials(picky, data[:cut], data[cut:])), metadata=TABLE)
    assert picky.stored(await create(picky.engine, final, ScriptedBody())) == data


async def test_no_bytes_are_no_type(picky: Harness) -> None:
    upload = await begin_upload(picky, len(PNG))
    assert await append(picky.engine, upload.id, appending(0), ScriptedBody()) == upload
    assert stored(picky) == 0


async def test_what_the_server_makes_is_judged_as_it_comes(picky: Harness) -> None:
    async def text() -> AsyncGenerator[bytes, None]:
        yield TEXT

    assert picky.stored(await make(picky.engine, picky.engine.new_id(), TABLE, text())) == TEXT


async def test_a_body_past_its_length_is_too_large(picky: Harness) -> None:
    upload = await begin_upload(picky, 3, TABLE)
    with pytest.raises(TooLarge):
        await append(picky.engine, upload.id, appending(0), ScriptedBody(b"a,", b"b\n"))
    assert stored(picky) == 0


async def test_without_marks_nothing_is_judged(picky: Harness) -> None:
    picky.engine = replace(picky.engine, marks=None)
    upload = await create(picky.engine, creating(3, body=True, metadata=PICTURE), ScriptedBody(b"MZ\x90"))
    assert picky.stored(upload) == b"MZ\x90"


async def partials(harness: Harness, *contents: bytes) -> Sequence[UploadId]:
    uploads = [
        await create(harness.engine, creating(len(data), kind=Kind.PARTIAL, body=True), ScriptedBody(data))
        for data in contents
    ]
    return [partial.id for partial in uploads]


@pytest.mark.parametrize("cut", [1, HEAD_BYTES])
async def test_a_final_upload_is_judged_by_its_partial_ones(
    picky: Harness, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    monkeypatch.setattr(memory, "_READ_SIZE", 5)  # the mark comes in two pieces
    right = await partials(picky, b"", PNG[:cut], PNG[cut:])
    upload = await create(picky.engine, replace(joining(*right), metadata=PICTURE), ScriptedBody())
    assert picky.stored(upload) == PNG
    before = await picky.residue()
    wrong = await partials(picky, PROGRAM[:cut], PROGRAM[cut:])
    with pytest.raises(TypeNotAllowed):
        await create(picky.engine, replace(joining(*wrong), metadata=PICTURE), ScriptedBody())
    assert set(await picky.residue()) == {*before, *wrong}


async def test_a_final_upload_doesn_t_hide_its_type_in_crumbs(picky: Harness) -> None:
    crumbs = await partials(picky, *drops(os.urandom(17)))
    with pytest.raises(TypeNotAllowed, match="16 partial uploads"):
        await create(picky.engine, replace(joining(*crumbs), metadata=TABLE), ScriptedBody())


async def test_a_lost_partial_upload_joins_nothing(picky: Harness) -> None:
    lost = await partials(picky, PNG)
    picky.storage._objects.clear()
    with pytest.raises(Malformed, match="not here any more"):
        await create(picky.engine, replace(joining(*lost), metadata=PICTURE), ScriptedBody())


async def test_a_short_file_of_a_job_is_whole(picky: Harness) -> None:
    """A job's upload that is shorter than the first bytes that tell a type is judged by all its bytes."""

    async def chunks() -> AsyncGenerator[bytes, None]:
        yield b"a,b\n"
        yield b"1,2\n"

    upload = await make(picky.engine, picky.engine.new_id(), TABLE, chunks())
    assert picky.stored(upload) == b"a,b\n1,2\n"
