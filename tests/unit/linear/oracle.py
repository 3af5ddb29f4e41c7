"""An oracle of linear time: a text of twice the length may take less than three times as long.

It compares the CPU time of this thread for two texts, one eight times as long as the other, so that other work on the
machine changes no result. A use that takes only some milliseconds for the longer text counts as linear.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice, product

from tusd_py.domain.refusals import Refusal

SIZE = 4 * 1024
"""The length, in characters, of texts that repeat one short piece, or a pair of pieces; longer texts repeat one piece
alone."""
TIMES = 8
"""The length of the longer of two texts, as a multiple of the shorter one's."""
MOST = 24.0
"""The time of the longer text, as a multiple of the shorter one's, from which a use isn't linear: less than three for
each doubling. Quadratic time is 64 times as long."""
NOTHING = 0.004
"""CPU seconds below which a use counts as linear without a comparison."""
PACE = 1e-8
"""CPU seconds added to `NOTHING` for each character: a long text doesn't fit into the CPU's caches."""
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
    """Yield texts of about `size` characters: each piece repeated, between short texts with which an expression may
    begin to match, and then fail."""
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
    """Return the first 20 characters of up to three texts of about `size` characters for which `use` isn't linear."""
    tries = zip(attacks(size // TIMES, pieces), attacks(size, pieces), strict=True)
    return list(islice((short[:20] for short, long in tries if not is_linear(use, short, long)), _ENOUGH))
