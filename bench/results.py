"""What was measured, as it goes to the file of raw results."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measurement of one system in one case of one figure."""

    figure: str
    system: str
    case: str
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of what several rounds gave, and how far they lie apart."""

    median: float
    least: float
    most: float
    count: int


@dataclass(slots=True, kw_only=True)
class Results:
    """Everything of one run."""

    machine: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    """Systems that couldn't be had, and why."""
    failures: list[str] = field(default_factory=list)

    def spread(self, figure: str, system: str, case: str, value: str) -> Spread | None:
        """Of one value over all rounds; None if it was never measured."""
        seen = [s.values[value] for s in self.of(figure, system) if s.case == case and value in s.values]
        return Spread(median(seen), min(seen), max(seen), len(seen)) if seen else None

    def median(self, figure: str, system: str, case: str, value: str) -> float | None:
        found = self.spread(figure, system, case, value)
        return None if found is None else found.median

    def of(self, figure: str, system: str | None = None) -> list[Sample]:
        return [s for s in self.samples if s.figure == figure and system in (None, s.system)]

    def systems(self, figure: str) -> list[str]:
        """Those that were measured, in the order they came."""
        return _unique(sample.system for sample in self.of(figure))

    def cases(self, figure: str) -> list[str]:
        return _unique(sample.case for sample in self.of(figure))

    def forget(self, figure: str) -> None:
        """What an earlier run gave for it."""
        self.samples = [sample for sample in self.samples if sample.figure != figure]
        self.failures = [failure for failure in self.failures if not failure.startswith(f"{figure}:")]
        self.failures = [failure for failure in self.failures if not failure.startswith(f"{figure},")]

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1))


def read(path: Path) -> Results:
    raw = json.loads(path.read_text())
    samples = [Sample(**sample) for sample in raw.pop("samples")]
    return Results(samples=samples, **raw)


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
