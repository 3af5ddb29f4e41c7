"""The figures: in each round, a figure measures its systems one after another, and records samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.bench import Bench
from bench.figures import (
    bulk,
    crowd,
    crowded_state,
    download,
    events,
    forms,
    growth,
    idle,
    link,
    listeners,
    live,
    real,
    requests,
    small,
    workers,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A function that measures one round of a figure, and the most rounds of a full run, which ends early if time is
    up."""

    measure: Callable[[Bench], None]
    rounds: int
    quick: int = 0
    """The most rounds of a quick run; 0 for a figure without a goal, which such a run measures only if `--only` names
    it."""


FIGURES = {
    bulk.CPU: Figure(measure=bulk.measure_cpu, rounds=5, quick=3),
    bulk.TLS: Figure(measure=bulk.measure_tls, rounds=3, quick=2),
    workers.NAME: Figure(measure=workers.measure, rounds=3, quick=2),
    small.NAME: Figure(measure=small.measure, rounds=3, quick=3),
    link.NAME: Figure(measure=link.measure, rounds=3, quick=2),
    crowd.NAME: Figure(measure=crowd.measure, rounds=3, quick=2),
    listeners.NAME: Figure(measure=listeners.measure, rounds=3, quick=2),
    events.NAME: Figure(measure=events.measure, rounds=3, quick=2),
    forms.NAME: Figure(measure=forms.measure, rounds=5, quick=3),
    live.NAME: Figure(measure=live.measure, rounds=3),
    requests.NAME: Figure(measure=requests.measure, rounds=1, quick=1),
    growth.SAVES: Figure(measure=growth.measure_saves, rounds=5, quick=3),
    growth.NAME: Figure(measure=growth.measure, rounds=3, quick=2),
    crowded_state.NAME: Figure(measure=crowded_state.measure, rounds=1),
    download.NAME: Figure(measure=download.measure, rounds=3),
    idle.NAME: Figure(measure=idle.measure, rounds=5),
    real.NAME: Figure(measure=real.measure, rounds=3),
}
