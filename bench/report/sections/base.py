"""The contents of a section of docs/benchmarks.md: text, table and plots."""

from __future__ import annotations

from dataclasses import dataclass

from bench.report.columns import Column, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A plot of one measured value, the only name in `values`, with a bar for each system and case; with `lines`, a
    plot of the first measured system over all measured cases, with a line for each value that `values` names."""

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
    """A section of docs/benchmarks.md on one figure: a text, a table and plots. Without columns, the table shows the
    counted requests to S3, with their bytes."""

    figure: str
    title: str
    words: str
    columns: tuple[Column, ...] = ()
    plots: tuple[Plot, ...] = ()
    by_case: bool = False
    """True if the rows are cases, of a single system."""
