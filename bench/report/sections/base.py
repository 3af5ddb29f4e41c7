"""How a figure is told."""

from __future__ import annotations

from dataclasses import dataclass

from bench.report.columns import Column, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One value over the systems, a bar for each case; or over the cases, a line for each value."""

    file: str
    title: str
    unit: Unit
    values: tuple[str, ...]
    cases: tuple[str, ...] = ("",)
    legend: str = "{}"
    """Of a case."""
    lines: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Words, a table of these columns, and plots."""

    figure: str
    title: str
    words: str
    columns: tuple[Column, ...] = ()
    plots: tuple[Plot, ...] = ()
    by_case: bool = False
    """The rows are cases: there is one system."""
