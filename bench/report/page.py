"""docs/benchmarks.md and docs/benchmarks/*.svg, from the raw results."""

from __future__ import annotations

from textwrap import fill

from bench.places import PAGE, PLOTS
from bench.report import svg
from bench.report.columns import table
from bench.report.goals import Goals
from bench.report.sections import SECTIONS
from bench.report.sections.base import Plot, Section
from bench.report.words import CAVEATS, HEAD
from bench.results import Results, Spread

_TAG = "op "


def write(results: Results) -> None:
    """Write docs/benchmarks.md, with a section for each figure that was measured, and the plots of these sections."""
    PLOTS.mkdir(parents=True, exist_ok=True)
    sections = [_section(results, section) for section in SECTIONS if results.of(_figure(section))]
    head = HEAD.format(goals=Goals(results).table(), machine=_machine(results), missing=_missing(results))
    PAGE.write_text("\n".join([head, *sections, CAVEATS]))


def _figure(section: Section) -> str:
    return section.figure.partition("-")[0]


def _section(results: Results, section: Section) -> str:
    for plot in section.plots:
        (PLOTS / f"{plot.file}.svg").write_text(_plot(results, section, plot))
    plots = "\n".join(f"![{plot.title}](benchmarks/{plot.file}.svg)" for plot in section.plots)
    return f"## {section.title}\n\n{fill(section.words, 120)}\n\n{_table(results, section)}\n{plots}\n"


def _table(results: Results, section: Section) -> str:
    figure = _figure(section)
    if section.by_case:
        return _by_case(results, section)
    if not section.columns:
        return _operations(results, figure)
    columns = [column for column in section.columns if column.case in results.cases(figure)]
    rows = [[system, *(column.of(results, figure, system) for column in columns)] for system in results.systems(figure)]
    return table(["", *(column.heading for column in columns)], rows)


def _by_case(results: Results, section: Section) -> str:
    (system, *_), columns = results.systems(section.figure), section.columns
    names = results.cases(section.figure)
    rows = [[case, *(column.of(results, section.figure, system, case) for column in columns)] for case in names]
    return table(["", *(column.heading for column in columns)], rows)


def _operations(results: Results, figure: str) -> str:
    samples = results.of(figure)
    rows = [[s.case, s.system, *_counted(s.values)] for s in sorted(samples, key=lambda s: s.case)]
    return table(["", "", "requests", "MB", "disk, MB", "of them"], rows)


def _counted(values: dict[str, float]) -> list[str]:
    operations = sorted((name.removeprefix(_TAG), count) for name, count in values.items() if name.startswith(_TAG))
    of_them = ", ".join(f"{count:.0f} {name}" for name, count in operations)
    return [f"{values['requests']:.0f}", f"{values['bytes'] / 1e6:.1f}", f"{values['written'] / 1e6:.2f}", of_them]


def _plot(results: Results, section: Section, plot: Plot) -> str:
    figure, title = _figure(section), plot.title
    if plot.lines:
        (system, *_), names = results.systems(figure), results.cases(figure)
        words = {column.value: column.heading for column in section.columns}
        series = [_row(results, plot, figure, system, value, tuple(names), words[value]) for value in plot.values]
        return svg.lines(title, plot.unit.name, names, series)
    names = [case for case in plot.cases if case in results.cases(figure)]
    systems = results.systems(figure)
    rows = [_row(results, plot, figure, system, plot.values[0], tuple(names), system) for system in systems]
    return svg.bars(title, plot.unit.name, [plot.legend.format(name) for name in names], rows)


def _row(
    results: Results, plot: Plot, figure: str, system: str, value: str, names: tuple[str, ...], label: str
) -> svg.Row:
    spreads = [_scaled(results.spread(figure, system, case, value), plot.unit.by) for case in names]
    return svg.Row(name=label, spreads=spreads, highlighted=system.startswith("tusd-py"))


def _scaled(spread: Spread | None, by: float) -> Spread | None:
    return spread and Spread(spread.median / by, spread.minimum / by, spread.maximum / by, spread.count)


def _machine(results: Results) -> str:
    return table(["", ""], [[name, text] for name, text in results.machine.items()])


def _missing(results: Results) -> str:
    lines = [f"- {name}: {reason}" for name, reason in results.missing.items()]
    lines += [f"- {failure}" for failure in results.failures]
    return "\n".join(lines) or "Nothing."
