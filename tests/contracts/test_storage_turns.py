"""Several writers of one upload, or of two, with every storage."""

from __future__ import annotations

import pytest

from tests.support.storages import Bench
from tests.support.writing import FakeLease, Journal, Sender, content, random_bytes
from tusd_py.domain.errors import Superseded


async def test_a_writer_whose_turn_is_over_records_nothing_more(bench: Bench) -> None:
    sender = Sender(bench.storage, random_bytes(5 * bench.grain))
    journal, lease = Journal(bench.storage, sender.upload), FakeLease()

    async def overstay() -> None:
        async with bench.storage.writer(sender.upload, journal.record, lease) as writer:
            await sender.give(writer, journal, [3])
            lease.revoke()
            await sender.give(writer, journal, [3 * bench.grain])
            await writer.flush()

    with pytest.raises(Superseded):
        await overstay()
    assert journal.checkpoints == []


async def test_a_writer_that_lost_its_turn_spoils_nothing_for_the_next(bench: Bench) -> None:
    sender = Sender(bench.storage, random_bytes(5 * bench.grain))
    stale = Sender(bench.storage, bytes(5 * bench.grain), sender.upload)
    journal, lease = Journal(bench.storage, stale.upload), FakeLease()

    async def wake_too_late() -> None:
        async with bench.storage.writer(stale.upload, journal.record, lease) as writer:
            await stale.give(writer, journal, [bench.grain // 2])
            lease.revoke()
            await sender.send()
            await stale.give(writer, journal, [2 * bench.grain])
            await writer.flush()

    with pytest.raises(Superseded):
        await wake_too_late()
    finished = await sender.finish()
    assert await content(bench.storage, finished) == sender.data


async def test_uploads_written_side_by_side_do_not_mix(bench: Bench) -> None:
    senders = [Sender(bench.storage, random_bytes(bench.grain + size)) for size in (1, 2)]
    for size in (bench.grain // 2, bench.grain):
        for sender in senders:
            await sender.send(size)
    for sender in senders:
        assert await content(bench.storage, await sender.finish()) == sender.data
