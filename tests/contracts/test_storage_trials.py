"""The self-tests that every storage has for operators (`Inspection.trials`)."""

from __future__ import annotations

from tests.support.storages import Bench
from tests.support.writing import stored


async def test_each_trial_succeeds_and_leaves_nothing(bench: Bench) -> None:
    finished = await stored(bench.storage, b"content")
    before = await bench.residue()
    for trial in bench.inspection.trials():
        await trial.run()
        assert await bench.residue() == before, (trial.place, trial.name)
    await bench.storage.discard(finished)
