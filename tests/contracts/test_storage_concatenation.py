"""Final uploads, as every storage makes them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import strategies as st

from tests.contracts.examples import Run, a_property, lengths
from tests.support.storages import Bench
from tests.support.writing import Sender, content, new_upload, random_bytes, stored
from tusd_py.domain.errors import UploadLost
from tusd_py.domain.lifecycle import mark_done
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId


def test_a_final_upload_is_its_partials_in_order(bench: Bench, run: Run) -> None:
    async def scenario(parts: list[int], order: list[int]) -> None:
        partials = [await stored(bench.storage, random_bytes(size), kind=Kind.PARTIAL) for size in parts]
        sources = [partials[index % len(partials)] for index in order]
        expected = b"".join(random_bytes(parts[index % len(parts)]) for index in order)
        final = final_upload(bench, sources)
        finished = await bench.storage.concatenate(final, sources)
        assert await bench.storage.concatenate(final, sources) == finished, "not the same when repeated"
        done = replace(final, phase=Phase.DONE, cursor=finished.cursor, etag=finished.etag)
        assert await content(bench.storage, done) == expected
        for upload in (done, *partials):
            await bench.storage.discard(upload)
        assert await bench.residue() == []

    @a_property(
        bench,
        parts=st.lists(lengths(bench), min_size=1, max_size=4),
        order=st.lists(st.integers(0, 3), min_size=1, max_size=5),
    )
    def _(parts: list[int], order: list[int]) -> None:
        run(scenario(parts, order))


def final_upload(bench: Bench, sources: list[Upload]) -> Upload:
    length = sum(source.length or 0 for source in sources)
    partials = tuple(UploadId(source.id) for source in sources)
    return new_upload(bench.storage, length, kind=Kind.FINAL, phase=Phase.FINISHING, partials=partials)


async def test_a_final_upload_whose_partial_is_gone_is_lost(bench: Bench) -> None:
    sources = [await stored(bench.storage, random_bytes(size), kind=Kind.PARTIAL) for size in (bench.grain, 3)]
    await bench.storage.discard(sources[1])
    with pytest.raises(UploadLost):
        await bench.storage.concatenate(final_upload(bench, sources), sources)


async def test_finals_can_be_empty(bench: Bench) -> None:
    empty = await stored(bench.storage, b"", kind=Kind.PARTIAL)
    final = final_upload(bench, [empty, empty])
    finished = await bench.storage.concatenate(final, [empty, empty])
    done = replace(final, phase=Phase.DONE, cursor=finished.cursor, etag=finished.etag)
    assert await content(bench.storage, done) == b""


@pytest.mark.parametrize("kind", [Kind.REGULAR, Kind.FINAL])
async def test_a_finish_takes_no_other_object_for_its_own(bench: Bench, kind: Kind) -> None:
    """The finished object of an upload, regular or final, has the upload's own bytes even if another object of the same
    length came to its chosen place after the creation."""
    data = random_bytes(bench.grain + 3)  # S3 has the object of a single part before the finish
    sources = [await stored(bench.storage, data, kind=Kind.PARTIAL)] if kind is Kind.FINAL else []
    upload = new_upload(bench.storage, len(data), place="a/b c", kind=kind, offset=len(data) if sources else 0)
    sender = Sender(bench.storage, data, upload)
    if not sources:
        await sender.send()
    await stored(bench.storage, data[::-1], place="a/b c")
    if sources:
        finished = await bench.storage.concatenate(sender.upload, sources)
        assert await content(bench.storage, mark_done(sender.upload, finished)) == data
    else:
        assert await content(bench.storage, await sender.finish()) == data
