"""The parts of a figure's section."""

from __future__ import annotations

from dataclasses import dataclass

from bench.report.columns import Column, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A plot of one value over the systems, with a bar for each case; or over the cases, with a line for each value."""

    file: str
    title: str
    unit: Unit
    values: tuple[str, ...]
    cases: tuple[str, ...] = ("",)
    legend: str = "{}"
    """The format of a case's name in the legend."""
    lines: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A text, a table of these columns, and plots."""

    figure: str
    title: str
    words: str
    columns: tuple[Column, ...] = ()
    plots: tuple[Plot, ...] = ()
    by_case: bool = False
    """True if the rows are cases, of a single system."""
