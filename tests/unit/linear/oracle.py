"""An oracle of linear time: whether twice the input takes at most three times as long.

CPU time of this thread alone is measured, over three doublings, and only if it takes any time worth speaking of: a busy
machine changes neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice, product

from tusd_py.domain.refusals import Refusal

SIZE = 4 * 1024
"""Characters of a text that is tried with everything."""
TIMES = 8
"""The longer of two texts is so many times the shorter."""
MOST = 24.0
"""So much longer may it take: less than three times for each doubling. What is quadratic takes 64 times as long."""
NOTHING = 0.004
"""Seconds that aren't worth speaking of: what matters takes longer."""
PACE = 1e-8
"""Seconds for a character, which aren't either: memory is slower than its caches."""
TRIES = 5
_ENOUGH = 3

SPECIAL = (" ", ",", ";", '"', "\\", "=", "a", "/")
PIECES = (" ", "\t", ",", ";", '"', "\\", "a", "0", "=", "/", ".", "-", "?", "@", ":", "%", "[", "(", "<", "\x1b", "é")
WRAPPED = (
    ("", ""),
    ("", "!"),
    ('"', ""),
    ("a=", "\x00"),
    ("a/b", "!"),
    ('W/"a"', "x"),
    ("bytes=", "-"),
    (";a=", '"'),
    ("://", " "),
)


def attacks(size: int, pieces: Sequence[str]) -> Iterator[str]:
    """Yield texts of `size` characters: a piece repeated, in text that makes an expression begin and then fail."""
    for piece in pieces:
        pumped = piece * (size // len(piece))
        for before, after in WRAPPED:
            yield before + pumped + after


def pairs(pieces: Sequence[str]) -> Sequence[str]:
    return [*PIECES, *("".join(pair) for pair in product(pieces, repeat=2))]


def seconds(use: Callable[[str], object], text: str) -> float:
    began = time.thread_time()
    with suppress(Refusal, ValueError, RecursionError):
        use(text)
    return time.thread_time() - began


def is_linear(use: Callable[[str], object], short: str, long: str) -> bool:
    """Return True if `use` takes about linear time: `long` is `TIMES` times as long as `short`."""
    nothing = NOTHING + PACE * len(long)
    if seconds(use, long) < nothing:
        return True
    short_seconds, long_seconds = (min(seconds(use, text) for _ in range(TRIES)) for text in (short, long))
    return long_seconds < max(nothing, MOST * short_seconds)


def slow(use: Callable[[str], object], size: int = SIZE, pieces: Sequence[str] = PIECES) -> list[str]:
    """Return the beginnings of some texts of `size` characters for which `use` isn't linear."""
    tries = zip(attacks(size // TIMES, pieces), attacks(size, pieces), strict=True)
    return list(islice((short[:20] for short, long in tries if not is_linear(use, short, long)), _ENOUGH))
