"""The metrics and labels that a query in PromQL names."""

from __future__ import annotations

import re
from dataclasses import dataclass

WORDS = frozenset(
    ["absent", "and", "by", "count", "histogram_quantile", "increase", "max", "min", "on", "or", "rate", "sum"]
)
"""The functions and keywords of PromQL that a query of the dashboard or of an alert may contain."""
SCRAPED = frozenset({"instance", "job"})
"""Labels that Prometheus adds."""

_TEXT = re.compile(r'"[^"]*"')
_RANGE = re.compile(r"\[[^\]]*\]")
_SELECTOR = re.compile(r"(\w+)\s*\{([^}]*)\}")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\bby\s*\(([^)]*)\)")
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Names:
    """The metrics and labels that a query in PromQL names."""

    metrics: frozenset[str]
    labels: frozenset[str]
    """The labels in all `by (…)` of the query."""
    selected: frozenset[tuple[str, str]]
    """Pairs of a metric and a label by which the query selects series of the metric."""


def names(query: str) -> Names:
    """Return the metrics and labels that the query names. Raises ValueError for a word outside of strings, selectors,
    ranges and `by (…)` that is not in `WORDS` and doesn't begin with `tusdpy_`, as all metrics of tusd-py do."""
    bare = _RANGE.sub("", _TEXT.sub('""', query))
    labels = {label.strip() for group in _GROUPING.findall(bare) for label in group.split(",")}
    selectors = _SELECTOR.findall(bare)
    words = _SELECTOR.sub(r"\1", _GROUPING.sub("", bare))
    metrics = {word for word in _WORD.findall(words) if word.startswith("tusdpy_")}
    if unknown := set(_WORD.findall(words)) - metrics - WORDS:
        raise ValueError(f"no metric and no function: {', '.join(sorted(unknown))}")
    selected = {(metric, label) for metric, within in selectors for label in _LABEL.findall(within)}
    return Names(frozenset(metrics), frozenset(labels), frozenset(selected))
