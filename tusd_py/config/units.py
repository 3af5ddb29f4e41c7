"""The parsers of sizes, durations and rates, and their units."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40

_DECIMAL = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BINARY = {"kib": KIB, "mib": MIB, "gib": GIB, "tib": TIB}
_LETTERS = {"k": KIB, "m": MIB, "g": GIB, "t": TIB}
"""The units of one letter other than `b` (a byte): binary, as for nginx and Docker."""
_SIZES = _DECIMAL | _BINARY | _LETTERS
_SECONDS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}

_PERIODS = {"s": 1, "m": 60, "h": 3_600}
_RATE = re.compile(r"([1-9][0-9]{0,5})/([smh])", re.ASCII)

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)", re.IGNORECASE | re.ASCII)

LARGEST_SIZE = 2**63 - 1
LONGEST_DURATION = 100 * 366 * 86_400.0
"""The longest duration in seconds, 100 years: an HTTP date that long after now can still be written."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit of `count` events in `seconds` seconds."""

    count: int
    seconds: int

    def __str__(self) -> str:
        units = {seconds: unit for unit, seconds in _PERIODS.items()}
        return f"{self.count}/{units[self.seconds]}"


def parse_rate(value: object) -> Rate:
    """Parse a rate such as `10/s`, `60/m` or `500/h`. Raises ValueError."""
    match = _RATE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(value)
    return Rate(int(match[1]), _PERIODS[match[2]])


def parse_size(value: object) -> int:
    """Return the bytes of `8MiB`, `1GB`, `512k` or a plain number. Raises ValueError."""
    number, unit = _quantity(value)
    size = number * _SIZES.get(unit, -1)
    if not 0 <= size <= LARGEST_SIZE or size % 1:
        raise ValueError(value)
    return int(size)


def parse_duration(value: object) -> float:
    """Return the seconds of `30`, `90s`, `15m`, `24h`, `7d`, `500ms` or a plain number. Raises ValueError."""
    number, unit = _quantity(value)
    seconds = float(number) * _SECONDS.get(unit, math.nan)
    if not 0 <= seconds <= LONGEST_DURATION:
        raise ValueError(value)
    return seconds


def _quantity(value: object) -> tuple[Decimal, str]:
    match = None if isinstance(value, bool) else _QUANTITY.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(value)
    return Decimal(match[1]), match[2].lower()
