"""Withheld checkpoints, which a journal records only on `proceed` or `release`: when they begin to count, and which of
their objects are deleted afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import creating
from tusd_py.domain.access_refusals import OverQuota
from tusd_py.domain.checkpoint import Checkpoint
from tusd_py.domain.errors import StateUnavailable
from tusd_py.domain.principal import Quota
from tusd_py.engine.create import create
from tusd_py.engine.journal import Journal


def at(offset: int) -> Checkpoint:
    return Checkpoint(offset=offset, cursor={"at": offset})


async def hold_checkpoints(harness: Harness, *offsets: int) -> Journal:
    """Return a journal that withholds checkpoints at these offsets: it records them only on `proceed` or `release`."""
    upload = await create(harness.engine, creating(100), ScriptedBody())
    journal = Journal(harness.engine, upload, withheld=True)
    for offset in offsets:
        await journal.record(at(offset))
    assert journal.upload == upload
    return journal


@pytest.mark.parametrize("step", ["proceed", "release"])
async def test_once_let_go_what_comes_counts_at_once(harness: Harness, step: str) -> None:
    journal = await hold_checkpoints(harness, 3)
    await getattr(journal, step)()
    assert journal.upload.offset == 3
    await journal.record(at(5))
    assert (await harness.record(journal.upload)).offset == 5


async def test_every_cursor_that_was_kept_is_swept_but_the_last(harness: Harness) -> None:
    journal = await hold_checkpoints(harness, 1, 2, 3)
    before = journal.upload.cursor
    await journal.release()
    await journal.delete_superseded()
    (swept,) = harness.storage.swept
    assert sorted(swept[0], key=str) == sorted([before, {"at": 1}, {"at": 2}], key=str)
    assert swept[1] == [{"at": 3}]


@pytest.mark.parametrize("step", ["proceed", "release"])
async def test_over_quota_deletes_all_that_was_withheld(harness: Harness, step: str) -> None:
    """The objects of all withheld checkpoints are deleted if their bytes are over the account's quota."""
    harness.engine = replace(harness.engine, quota=Quota(max_bytes=100))
    journal = Journal(harness.engine, await create(harness.engine, creating(None), ScriptedBody()), withheld=True)
    for offset in (1, 101):
        await journal.record(at(offset))
    with pytest.raises(OverQuota):
        await getattr(journal, step)()
    await journal.delete_superseded()
    assert harness.storage.swept == [([{"at": 1}, {"at": 101}], [journal.upload.cursor])]


@pytest.mark.parametrize("step", ["proceed", "release"])
async def test_over_quota_keeps_the_trouble_of_withheld_ones(harness: Harness, step: str) -> None:
    """The trouble of a withheld checkpoint is recorded even if OverQuota refuses the withheld ones, as its write may
    take effect after the deletion."""
    harness.engine = replace(harness.engine, quota=Quota(max_bytes=100))
    journal = Journal(harness.engine, await create(harness.engine, creating(None), ScriptedBody()), withheld=True)
    await journal.record(replace(at(1), troubled=True))
    await journal.record(at(101))
    with pytest.raises(OverQuota):
        await getattr(journal, step)()
    await journal.delete_superseded()
    assert (await harness.record(journal.upload)).troubled_at == harness.now


async def test_a_failed_save_deletes_all_but_the_last(harness: Harness) -> None:
    """After a failed save of withheld checkpoints, what they name is deleted, except what the last one names: the state
    may have recorded that one."""
    journal = await hold_checkpoints(harness, 1, 2)
    harness.state.fuse.blow()
    with pytest.raises(StateUnavailable):
        await journal.release()
    await journal.delete_superseded()
    assert harness.storage.swept == [([{"at": 1}], [journal.upload.cursor, {"at": 2}])]
