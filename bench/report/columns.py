"""The columns of the report's tables, whose cells are medians with their ranges, and the units to show them in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.places import MIB
from bench.results import Results, Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The unit in which a value, divided by `by`, is shown."""

    name: str
    by: float = 1.0
    digits: int = 3
    """The number of significant digits; a number with at least as many digits before the point is rounded to an
    integer."""

    def show(self, value: float) -> str:
        number = value / self.by
        if number and abs(number) < 10 ** (self.digits - 1):
            return f"{number:.{self.digits}g}"
        return f"{number:,.0f}"

    def spread(self, spread: Spread | None) -> str:
        if spread is None:
            return "–"
        median, low, high = (self.show(value) for value in (spread.median, spread.minimum, spread.maximum))
        return median if low == high else f"{median} ({low}–{high})"


CPU = Unit(name="CPU-s/GiB")
SPEED = Unit(name="GiB/s", digits=2)
MB_S = Unit(name="MB/s", by=1e6)
MEMORY = Unit(name="MiB", by=MIB)
TIMES = Unit(name="", digits=2)
SECONDS = Unit(name="s", digits=2)
MS = Unit(name="ms", digits=2)
US = Unit(name="µs")
PER_S = Unit(name="/s")
COUNT = Unit(name="")
CORES = Unit(name="cores", digits=2)
PERCENT = Unit(name="%", by=0.01, digits=2)
KIB = Unit(name="KiB", by=1024, digits=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the report's table, which shows one measured value: in the case `case` for each system, or for each
    case if the rows are cases (`Section.by_case`)."""

    heading: str
    value: str
    unit: Unit
    case: str = ""

    def of(self, results: Results, figure: str, system: str, case: str | None = None) -> str:
        chosen = self.case if case is None else case
        return self.unit.spread(results.spread(figure, system, chosen, self.value))


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cases(heading: Callable[[str], str], value: str, unit: Unit, *names: str) -> tuple[Column, ...]:
    """Return columns of the same value, one for each case in `names`; `heading` returns a column's heading for its
    case."""
    return tuple(Column(heading=heading(name), value=value, unit=unit, case=name) for name in names)


def columns(case: str, *values: tuple[str, str, Unit]) -> tuple[Column, ...]:
    """Return columns of several values in the same case, each by its heading, name and unit."""
    return tuple(Column(heading=heading, value=value, unit=unit, case=case) for heading, value, unit in values)
