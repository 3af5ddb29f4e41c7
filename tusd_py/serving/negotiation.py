"""The media type that a client prefers (RFC 9110, 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_WEIGHT = re.compile(r"(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_MOST = 64
"""Types of a field that are looked at."""


def preferred_type(accept: str, offered: Sequence[str]) -> str | None:
    """Return the offered type that the field `Accept` prefers; None if it takes none of them.

    Of types with the same weight it is the one that the client names rather than a wildcard, then the one that it names
    first, then the first offered. Parameters other than the weight are ignored.
    """
    ranges = list(_ranges(accept))
    ranked = ((_rank(ranges, kind), kind) for kind in offered)
    rank, kind = max(ranked, key=lambda pair: pair[0], default=((0.0, 0, 0), ""))
    return kind if rank[0] > 0 else None


def prefers_html(accept: str) -> bool:
    """Return True if the field `Accept` has a page before JSON; a client that takes both alike gets JSON."""
    ranges = list(_ranges(accept))
    return _rank(ranges, "text/html")[0] > _rank(ranges, "application/json")[0]


def _rank(ranges: Sequence[tuple[str, float]], kind: str) -> tuple[float, int, int]:
    """Return the weight of the most specific range with the type, how specific that is, and how early it comes."""
    patterns = ("*/*", f"{kind.partition('/')[0]}/*", kind)
    matches = (
        (patterns.index(name), -position, weight) for position, (name, weight) in enumerate(ranges) if name in patterns
    )
    specificity, earliness, weight = max(matches, default=(0, 0, 0.0))
    return weight, specificity, earliness


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for element in accept.split(",", _MOST)[:_MOST]:
        name, *parameters = (part.strip(" \t").lower() for part in element.split(";"))
        weights = [parameter.removeprefix("q=") for parameter in parameters if parameter.startswith("q=")]
        yield name, _weight(weights[0]) if weights else 1.0


def _weight(text: str) -> float:
    """Return the weight; 1 if it isn't one."""
    return float(text) if _WEIGHT.fullmatch(text) else 1.0
