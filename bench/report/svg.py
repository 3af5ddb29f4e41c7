"""Plots in SVG: bars with whiskers, and lines. Without a library, since a plot here is a few rectangles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench.results import Spread

WIDTH = 780
_LEFT, _RIGHT, _TOP = 190, 90, 58
_BAR, _GAP = 13, 12
_INK, _FAINT, _GRID = "#1f2328", "#656d76", "#e6e8eb"
_HIGHLIGHT_COLOURS = ("#0b5cad", "#3d8ad6", "#8fbdec")
_COLOURS = ("#59636e", "#8c959f", "#bfc6cd")
SERIES = ("#0b5cad", "#c2571a", "#2d7d46", "#7a3fa0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A system, or a value whose line is drawn, and its spread in each case; None where nothing was measured."""

    name: str
    spreads: Sequence[Spread | None]
    highlighted: bool


def bars(title: str, unit: str, cases: Sequence[str], rows: Sequence[Row]) -> str:
    """Draw horizontal bars, each with its median as text and a whisker from minimum to maximum."""
    maximum = max((s.maximum for row in rows for s in row.spreads if s), default=1.0) or 1.0
    scale = (WIDTH - _LEFT - _RIGHT) / maximum
    drawn, top = [_legend(cases, _COLOURS)], _TOP + 8
    for row in rows:
        drawn.append(_row(row, top, scale))
        top += _BAR * len(cases) + _GAP
    return _document(title, unit, top + 6, "".join(drawn))


def _row(row: Row, top: int, scale: float) -> str:
    middle = top + _BAR * len(row.spreads) / 2 + 4
    colours = _HIGHLIGHT_COLOURS if row.highlighted else _COLOURS
    name = _text(_LEFT - 10, middle, row.name, anchor="end", weight="600" if row.highlighted else "400")
    spreads = enumerate(row.spreads)
    return name + "".join(_bar(s, top + i * _BAR, scale, colours[i % 3]) for i, s in spreads if s)


def _bar(spread: Spread, top: float, scale: float, colour: str) -> str:
    low, median, high = (_LEFT + value * scale for value in (spread.minimum, spread.median, spread.maximum))
    bar = f'<rect x="{_LEFT}" y="{top}" width="{median - _LEFT:.1f}" height="{_BAR - 3}" rx="2" fill="{colour}"/>'
    y = top + (_BAR - 3) / 2
    whisker = f'<path d="M{low:.1f} {y}H{high:.1f}" stroke="{_INK}" stroke-width="1.2"/>'
    return bar + whisker + _text(max(median, high) + 6, top + 9, f"{spread.median:.3g}", size=10, fill=_FAINT)


def _legend(names: Sequence[str], colours: Sequence[str]) -> str:
    """Draw the legend; return an empty text for a single name, since the title says it."""
    drawn, x = [], float(_LEFT)
    for index, name in enumerate(names if len(names) > 1 else ()):
        drawn.append(f'<rect x="{x:.1f}" y="43" width="10" height="10" rx="2" fill="{colours[index % len(colours)]}"/>')
        drawn.append(_text(x + 15, 52, name, size=11, fill=_FAINT))
        x += 34 + 6.4 * len(name)
    return "".join(drawn)


def _document(title: str, unit: str, height: float, inside: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">'
    font = "<style>text{font-family:system-ui,-apple-system,'Segoe UI',sans-serif}</style>"
    paper = f'<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>'
    heading = _text(16, 24, title, size=15, weight="600") + _text(WIDTH - 16, 24, unit, size=12, anchor="end")
    return f"{head}<title>{escape(title)}</title>{font}{paper}{heading}{inside}</svg>\n"


def _text(
    x: float, y: float, words: str, *, size: int = 12, anchor: str = "start", weight: str = "400", fill: str = _INK
) -> str:
    style = f'font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" fill="{fill}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'


def lines(title: str, unit: str, cases: Sequence[str], series: Sequence[Row]) -> str:
    """Draw a line for each series, through its medians, over evenly spaced cases; the vertical axis begins at zero."""
    grid = _grid(max((s.maximum for row in series for s in row.spreads if s), default=1.0))
    margin, top, bottom = 60, 80, 270
    step, up = (WIDTH - margin - 60) / max(1, len(cases) - 1), (bottom - top) / grid[-1]
    rules = "".join(_level(bottom - value * up, value, margin) for value in grid)
    below = "".join(
        _text(margin + i * step, bottom + 20, case, size=11, anchor="middle") for i, case in enumerate(cases)
    )
    drawn = "".join(_line(row, SERIES[i % 4], margin, step, bottom, up) for i, row in enumerate(series))
    return _document(title, unit, 308, _legend([row.name for row in series], SERIES) + rules + below + drawn)


def _grid(maximum: float) -> list[float]:
    """Return four or five evenly spaced round numbers from 0 to at least `maximum`."""
    rough = (maximum or 1.0) / 4
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= rough)
    return [step * count for count in range(math.ceil((maximum or 1.0) / step) + 1)]


def _level(y: float, value: float, margin: int) -> str:
    rule = f'<path d="M{margin} {y:.1f}H{WIDTH - 40}" stroke="{_GRID}"/>'
    return rule + _text(margin - 10, y + 4, f"{value:g}", size=10, anchor="end", fill=_FAINT)


def _line(row: Row, colour: str, margin: int, step: float, bottom: int, up: float) -> str:
    points = [(margin + i * step, s) for i, s in enumerate(row.spreads) if s]
    if not points:
        return ""
    path = " ".join(f"{x:.1f},{bottom - s.median * up:.1f}" for x, s in points)
    dots = "".join(_dot(x, s, bottom, up, colour) for x, s in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'


def _dot(x: float, spread: Spread, bottom: int, up: float, colour: str) -> str:
    low, median, high = (bottom - value * up for value in (spread.minimum, spread.median, spread.maximum))
    whisker = f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{colour}" stroke-width="1.2"/>'
    return f'{whisker}<circle cx="{x:.1f}" cy="{median:.1f}" r="3.5" fill="{colour}"/>'
