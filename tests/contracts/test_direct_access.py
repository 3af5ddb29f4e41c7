"""Promises of a storage that clients reach themselves (`tusd_py/ports/direct.py`): signed requests are really sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from io import BytesIO

import aiohttp
import pytest

from tests.support.storages import STORAGES, Bench
from tests.support.writing import content, new_upload, random_bytes, stored
from tusd_py.domain.direct import DirectMode, DirectPart, DirectTransfer, Signed
from tusd_py.domain.errors import UploadLost
from tusd_py.domain.lifecycle import mark_done
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Upload
from tusd_py.ports.direct import CorsRule, DirectAccess
from tusd_py.storage.s3.cors import joined, missing, needed, origins_of

_LIFETIME = 600.0


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture(params=["moto", "moto in another bucket", "seaweed"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Each storage that clients can reach."""
    async with STORAGES[request.param](request) as mark_done:
        yield mark_done


@pytest.fixture
def direct(bench: Bench) -> DirectAccess:
    assert bench.storage.direct is not None
    return bench.storage.direct


async def test_client_parts_become_the_object(bench: Bench, direct: DirectAccess, http: aiohttp.ClientSession) -> None:
    """The parts that a client sends are listed, and become the object."""
    pieces = [random_bytes(bench.grain), random_bytes(3)]
    upload = await _begin(bench, direct, sum(map(len, pieces)))
    assert await direct.begin(upload) == (await direct.begin(upload))
    etags = [await _send_part(direct, http, upload, number, piece) for number, piece in enumerate(pieces, start=1)]
    stored_parts = await direct.stored_parts(upload)
    assert [(part.number, part.etag, part.length) for part in stored_parts] == [
        (number, etag, len(piece)) for number, (etag, piece) in enumerate(zip(etags, pieces, strict=True), start=1)
    ]
    done = await _finished(bench, direct, upload, stored_parts)
    assert await content(bench.storage, done) == b"".join(pieces)
    assert await direct.object_length(done) == done.offset
    assert await bench.residue() == [direct.key(done)]


async def test_a_repeated_part_has_the_named_bytes(
    bench: Bench, direct: DirectAccess, http: aiohttp.ClientSession
) -> None:
    """A part that was sent twice is listed once, with the ETag of the later bytes, and these are in the object."""
    upload = await _begin(bench, direct, 5)
    first = await _send_part(direct, http, upload, 1, b"first", with_length=False)
    assert [part.etag for part in await direct.stored_parts(upload)] == [first]
    again = await _send_part(direct, http, upload, 1, b"again", with_length=False)
    named_part = next(part for part in await direct.stored_parts(upload) if part.etag == again)  # some list both
    assert await content(bench.storage, await _finished(bench, direct, upload, [named_part])) == b"again"


async def test_no_part_is_signed_or_told_before_it_has_begun(bench: Bench, direct: DirectAccess) -> None:
    fresh = new_upload(bench.storage, 3, direct=DirectTransfer(mode=DirectMode.PARTS))
    assert await direct.stored_parts(fresh) == []
    with pytest.raises(UploadLost):
        await direct.sign_part(fresh, 1, 3, _LIFETIME)


async def test_parts_that_were_taken_away_are_lost(bench: Bench, direct: DirectAccess) -> None:
    upload = await _begin(bench, direct, 3)
    await bench.storage.discard(replace(upload, phase=Phase.TERMINATING))
    with pytest.raises(UploadLost):
        await direct.stored_parts(upload)
    with pytest.raises(UploadLost):
        await bench.storage.survey(upload, [])


@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("with_length", [False, True])
async def test_an_object_that_is_sent_whole_is_found(
    bench: Bench, direct: DirectAccess, http: aiohttp.ClientSession, *, with_length: bool, form: bool
) -> None:
    fresh = new_upload(
        bench.storage,
        7 if with_length else None,
        direct=DirectTransfer(mode=DirectMode.WHOLE),
        metadata={"filename": "für.txt".encode()},
    )
    assert await direct.object_length(fresh) is None
    await _send(http, await direct.sign_whole(fresh, max_bytes=9, lifetime=_LIFETIME, form=form), b"content")
    assert await direct.object_length(fresh) == 7
    done = await _finished(bench, direct, replace(fresh, length=7, offset=7), [])
    assert await content(bench.storage, done) == b"content"


async def test_an_object_that_was_sent_whole_and_vanished_is_lost(
    bench: Bench, direct: DirectAccess, http: aiohttp.ClientSession
) -> None:
    """The survey of a finishing direct upload that was sent in one request raises UploadLost once the object has
    vanished: there is no earlier offset to go on from."""
    fresh = new_upload(bench.storage, 7, direct=DirectTransfer(mode=DirectMode.WHOLE))
    await _send(http, await direct.sign_whole(fresh, max_bytes=9, lifetime=_LIFETIME, form=False), b"content")
    finishing = replace(fresh, offset=7, phase=Phase.FINISHING)
    await bench.storage.discard(finishing)
    with pytest.raises(UploadLost):
        await bench.storage.survey(finishing, [])


@pytest.mark.parametrize("form", [False, True])
async def test_what_replaces_a_finished_object_is_not_the_upload(
    bench: Bench, direct: DirectAccess, http: aiohttp.ClientSession, *, form: bool
) -> None:
    """Reads and surveys of a finished direct upload raise UploadLost once its signed request was sent again with other
    bytes; after the same bytes, reads go on."""
    fresh = new_upload(bench.storage, 7, direct=DirectTransfer(mode=DirectMode.WHOLE))
    signed = await direct.sign_whole(fresh, max_bytes=9, lifetime=_LIFETIME, form=form)
    await _send(http, signed, b"content")
    done = await _finished(bench, direct, replace(fresh, offset=7), [])
    await _send(http, signed, b"content")
    assert await content(bench.storage, done) == b"content"
    await _send(http, signed, b"another")
    with pytest.raises(UploadLost):
        await content(bench.storage, done)
    with pytest.raises(UploadLost):
        await bench.storage.survey(done, [])


async def test_a_repeated_server_write_is_still_read(
    bench: Bench, direct: DirectAccess, http: aiohttp.ClientSession
) -> None:
    """An object that the server wrote is still read if its ETag has changed: a write of the server that lands twice may
    change it, as with SSE-KMS, and can't be told from other bytes."""
    done = await stored(bench.storage, b"content")
    await _send(http, await direct.sign_whole(done, max_bytes=9, lifetime=_LIFETIME, form=False), b"another")
    assert await content(bench.storage, done) == b"another"


async def test_an_object_of_another_length_or_upload_is_not_found(bench: Bench, direct: DirectAccess) -> None:
    stored_upload = await stored(bench.storage, b"content")
    assert await direct.object_length(replace(stored_upload, length=6)) is None
    assert await direct.object_length(replace(new_upload(bench.storage, 7), cursor=stored_upload.cursor)) is None


async def test_a_link_answers_with_the_fields_it_was_signed_with(
    bench: Bench, direct: DirectAccess, http: aiohttp.ClientSession
) -> None:
    done = await stored(bench.storage, b"content")
    shown_as = {"Content-Type": "text/x-this", "Content-Disposition": 'attachment; filename="a b"'}
    async with http.get(await direct.sign_read(done, shown_as, _LIFETIME)) as answer:
        assert (answer.status, await answer.read()) == (200, b"content")
        assert {name: answer.headers[name] for name in shown_as} == shown_as


async def test_browser_rules_leave_foreign_rules(direct: DirectAccess) -> None:
    *_, bucket = direct.cors.values()
    before = await bucket.cors()
    other_rule = CorsRule(id="other", origins=("https://other.test",), methods=("GET",), exposed=("X-Other",))
    own_rules = needed(origins_of(r"(https://app\.test|https://.*\.app\.test)"), uploads=True, downloads=True)
    await bucket.put_cors([other_rule])
    assert list(missing(own_rules, await bucket.cors()))
    await bucket.put_cors(joined(own_rules, await bucket.cors()))
    assert list(missing(own_rules, await bucket.cors())) == []
    assert other_rule in await bucket.cors()
    await bucket.put_cors(before or [other_rule])


async def _begin(bench: Bench, direct: DirectAccess, length: int) -> Upload:
    fresh = new_upload(bench.storage, length, direct=DirectTransfer(mode=DirectMode.PARTS))
    checkpoint = await direct.begin(fresh)
    return replace(fresh, cursor=checkpoint.cursor)


async def _send_part(
    direct: DirectAccess,
    http: aiohttp.ClientSession,
    upload: Upload,
    number: int,
    piece: bytes,
    *,
    with_length: bool = True,
) -> str:
    signed = await direct.sign_part(upload, number, len(piece) if with_length else None, _LIFETIME)
    return await _send(http, signed, piece)


async def _send(http: aiohttp.ClientSession, signed: Signed, body: bytes) -> str:
    """Send the body as a browser does, by a form or PUT; return the ETag without quotes, empty if the response has
    none."""
    if signed.fields:
        form = aiohttp.FormData(dict(signed.fields))
        form.add_field("file", body, filename="any")
        sending = http.post(signed.url, data=form)
    else:
        sending = http.put(signed.url, data=BytesIO(body), headers=signed.headers, skip_auto_headers=["Content-Type"])
    async with sending as answer:
        assert answer.status in (200, 201, 204), await answer.text()
        return answer.headers.get("ETag", "").strip('"')


async def _finished(bench: Bench, direct: DirectAccess, upload: Upload, parts: Sequence[DirectPart]) -> Upload:
    full = replace(upload, offset=upload.length or 0, phase=Phase.FINISHING)
    return mark_done(full, await bench.storage.finish(full, direct.entries(parts)))
