"""What an operator may try on every storage (`Inspection.trials`)."""

from __future__ import annotations

from tests.support.storages import Bench
from tests.support.writing import stored


async def test_each_trial_succeeds_and_leaves_nothing(bench: Bench) -> None:
    other = await stored(bench.storage, b"content")
    there = await bench.residue()
    for name, trial in bench.inspection.trials().items():
        await trial()
        assert await bench.residue() == there, name
    await bench.storage.discard(other)
