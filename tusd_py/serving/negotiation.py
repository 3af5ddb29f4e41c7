"""The media type that a client prefers, and the codings that it takes (RFC 9110, 12.5.1 and 12.5.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_WEIGHT = re.compile(r"(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_MOST = 64
"""The maximum number of elements of Accept or Accept-Encoding that count; those after them are ignored."""


def preferred_type(accept: str, offered: Sequence[str]) -> str | None:
    """Return the offered type that the field Accept prefers; None if it takes none of them.

    Of types with the same weight, one that the field names comes before one that `type/*` covers, and that before one
    that only `*/*` covers; then the one that the field has first, then the first offered. Parameters other than the
    weight are ignored.
    """
    ranges = list(_ranges(accept))
    ranked = ((_rank(ranges, kind), kind) for kind in offered)
    rank, kind = max(ranked, key=lambda pair: pair[0], default=((0.0, 0, 0), ""))
    return kind if rank[0] > 0 else None


def prefers_html(accept: str) -> bool:
    """Return True if the field Accept gives text/html a greater weight than application/json: a client that takes both
    alike gets JSON."""
    ranges = list(_ranges(accept))
    return _rank(ranges, "text/html")[0] > _rank(ranges, "application/json")[0]


def takes_coding(accept_encoding: str, coding: str) -> bool:
    """Return True if the field Accept-Encoding gives the content coding a weight above 0, by name or else by `*`."""
    weights = dict(_ranges(accept_encoding))
    return weights.get(coding, weights.get("*", 0.0)) > 0


def _rank(ranges: Sequence[tuple[str, float]], kind: str) -> tuple[float, int, int]:
    """Return the weight of the most specific media range that covers the type, how specific that is, and how early it
    comes; greater is better. All three are 0 if none covers it."""
    patterns = ("*/*", f"{kind.partition('/')[0]}/*", kind)
    matches = (
        (patterns.index(name), -position, weight) for position, (name, weight) in enumerate(ranges) if name in patterns
    )
    specificity, earliness, weight = max(matches, default=(0, 0, 0.0))
    return weight, specificity, earliness


def _ranges(field: str) -> Iterator[tuple[str, float]]:
    for element in field.split(",", _MOST)[:_MOST]:
        name, *parameters = (part.strip(" \t").lower() for part in element.split(";"))
        weights = [parameter.removeprefix("q=") for parameter in parameters if parameter.startswith("q=")]
        yield name, _weight(weights[0]) if weights else 1.0


def _weight(text: str) -> float:
    """Return the number that the text of a weight (`q`) means; 1 if it is malformed."""
    return float(text) if _WEIGHT.fullmatch(text) else 1.0
