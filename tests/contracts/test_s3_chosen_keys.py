"""Uploads whose key, or key prefix, a hook or a credential chose: keys that count as occupied, several uploads with one
key, and the recovery of an upload without a record by its info object."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from tests.support.storages import STORAGES, Bench
from tests.support.writing import Sender, content, new_upload, random_bytes
from tusd_py.domain.lifecycle import assume_gone
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Upload
from tusd_py.ports.inspection import Recovered
from tusd_py.storage.s3.storage import S3Storage

NAMES: Sequence[dict[str, str]] = ({"place": "team/a b.bin"}, {"key_prefix": "team/"})


@pytest.fixture(params=["moto", "moto in another bucket", "seaweed"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with STORAGES[request.param](request) as bench:
        yield bench


async def test_the_key_of_another_upload_is_never_free(bench: Bench) -> None:
    """A chosen key in the form of another upload's id counts as occupied: else garbage collection and repair would mix
    up the parts of the two uploads. The upload's own id is free."""
    plain = new_upload(bench.storage, 1)
    form = bench.storage.locate(plain).key.rpartition("/")[2]
    assert form == plain.id, "the default template"
    for place, is_taken in ((f"{uuid4().hex}", True), (f"{uuid4().hex}.bin", False), (f"team/{uuid4().hex}", False)):
        chosen = replace(plain, place=place)
        assert await bench.storage.occupied(replace(chosen, cursor=bench.storage.start(chosen))) is is_taken
    own = replace(plain, place=plain.id)
    assert not await bench.storage.occupied(replace(own, cursor=bench.storage.start(own)))


async def send(bench: Bench, *sessions: int, **names: str) -> Sender:
    """Return the sender of an upload as long as four parts, after it has sent `sessions` bytes, one number for each
    session. `names` are the upload's `place` or `key_prefix`."""
    upload = new_upload(bench.storage, 4 * bench.grain, **names)
    sender = Sender(bench.storage, random_bytes(4 * bench.grain), upload)
    for size in sessions:
        await sender.send(size)
    return sender


async def recover(bench: Bench, upload: Upload) -> Recovered | None:
    leftovers = [leftover async for leftover in bench.inspection.leftovers() if leftover.upload_id == upload.id]
    return await bench.inspection.recover(upload.id, leftovers) if leftovers else None


@pytest.mark.parametrize("tenths", [(4,), (25,), (4, 21), (25, 4)])
@pytest.mark.parametrize("names", NAMES, ids=["place", "key prefix"])
async def test_all_of_it_is_found_and_goes_on_under_its_key(
    bench: Bench, tenths: Sequence[int], names: dict[str, str]
) -> None:
    sender = await send(bench, *(bench.grain * tenth // 10 for tenth in tenths), **names)
    before = sender.upload
    recovered = await recover(bench, before)
    assert recovered is not None
    assert (recovered.upload.offset, recovered.upload.length) == (before.offset, before.length)
    assert (recovered.upload.place, recovered.upload.key_prefix) == (before.place, before.key_prefix)
    assert bench.storage.locate(recovered.upload) == bench.storage.locate(before)
    again = Sender(bench.storage, sender.data, recovered.upload)
    again.entries = list(recovered.entries)
    await again.send()
    assert await content(bench.storage, await again.finish()) == sender.data
    await bench.storage.clean(again.upload)
    assert len(await bench.residue()) == 1


async def test_what_replaced_a_finished_object_stays(bench: Bench) -> None:
    first, second = await send(bench, 3, **NAMES[0]), await send(bench, 2 * bench.grain, **NAMES[0])
    await first.send()
    finished = await first.finish()
    await second.send()
    newer = await second.finish()
    await bench.storage.discard(replace(finished, phase=Phase.TERMINATING))
    assert await content(bench.storage, newer) == second.data
    await bench.storage.discard(newer)
    assert await bench.residue() == []


async def test_parts_of_another_upload_with_the_key_stay(bench: Bench) -> None:
    """Two uploads with one chosen key, as after the loss of a state, are each recovered with their own offset, the
    second also after the first is discarded."""
    first, second = await send(bench, 3, **NAMES[0]), await send(bench, 2 * bench.grain, **NAMES[0])
    for sender in (first, second):
        recovered = await recover(bench, sender.upload)
        assert recovered is not None
        assert recovered.upload.offset == sender.upload.offset
        await bench.storage.discard(sender.upload)


async def test_a_late_writer_leaves_parts_of_the_next_upload(bench: Bench) -> None:
    """Cleaning up an upload whose record is gone removes only its own parts, even if another upload has its key by now:
    the other can still be finished with all its bytes."""
    first, second = [await send(bench, bench.grain * 25 // 10, **NAMES[0]) for _ in range(2)]
    await bench.storage.clean(assume_gone(first.upload))
    await second.send()
    newer = await second.finish()
    assert await content(bench.storage, newer) == second.data
    await bench.storage.discard(newer)
    assert await bench.residue() == []


@pytest.mark.parametrize("bench", ["moto with info objects"], indirect=True)
async def test_parts_are_found_under_the_key_that_an_info_object_tells(bench: Bench) -> None:
    """An upload is recovered with all its parts under the key in its info object, even if the setting `object-key` has
    changed since."""
    sender = await send(bench, 3 * bench.grain)
    assert isinstance(bench.storage, S3Storage)
    for bucket in bench.storage._buckets:
        object.__setattr__(bucket.options, "object_key", "{year}/{id}")
    recovered = await recover(bench, sender.upload)
    assert recovered is not None
    assert (recovered.upload.offset, len(recovered.entries)) == (3 * bench.grain, 3)
