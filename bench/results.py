"""The measurements, as written to the file of raw results."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measurement, values by their names, of one system (a server with its settings) in one figure (a benchmark,
    such as "cpu") and one case of it (such as "16", the number of uploads at a time)."""

    figure: str
    system: str
    case: str
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median and the range of one value over `count` measurements."""

    median: float
    minimum: float
    maximum: float
    count: int


@dataclass(slots=True, kw_only=True)
class Results:
    """The contents of the file of raw results: machine, samples, and what is missing or failed. With `--only`, figures
    of earlier runs are among them."""

    machine: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    """The reasons by system that isn't installed, or by figure that can't be measured here."""
    failures: list[str] = field(default_factory=list)

    def spread(self, figure: str, system: str, case: str, value: str) -> Spread | None:
        """Return the spread of a value over all rounds; None if it was never measured."""
        values = [s.values[value] for s in self.of(figure, system) if s.case == case and value in s.values]
        return Spread(median(values), min(values), max(values), len(values)) if values else None

    def median(self, figure: str, system: str, case: str, value: str) -> float | None:
        spread = self.spread(figure, system, case, value)
        return None if spread is None else spread.median

    def of(self, figure: str, system: str | None = None) -> list[Sample]:
        return [s for s in self.samples if s.figure == figure and system in (None, s.system)]

    def systems(self, figure: str) -> list[str]:
        """Return the measured systems in the order of their first sample."""
        return _unique(sample.system for sample in self.of(figure))

    def cases(self, figure: str) -> list[str]:
        return _unique(sample.case for sample in self.of(figure))

    def forget(self, figure: str) -> None:
        """Remove the figure's samples and failures of earlier runs, and the reason why it couldn't be measured."""
        self.samples = [sample for sample in self.samples if sample.figure != figure]
        self.failures = [failure for failure in self.failures if not failure.startswith((f"{figure}:", f"{figure},"))]
        self.missing.pop(figure, None)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1))


def read(path: Path) -> Results:
    raw = json.loads(path.read_text())
    samples = [Sample(**sample) for sample in raw.pop("samples")]
    return Results(samples=samples, **raw)


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
