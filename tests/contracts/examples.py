"""Helpers for tests of properties of storages with Hypothesis: strategies, a decorator, and the removal of
leftovers."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.storages import Bench
from tests.support.writing import Session
from tusd_py.domain.upload import Upload

Run = Callable[[Coroutine[Any, Any, None]], None]
"""A function that runs the coroutine of one example to its end."""


def sizes(bench: Bench) -> st.SearchStrategy[int]:
    """Return a strategy for counts of bytes from 1 to three times `bench.grain`, many of them near the ends of parts or
    checkpoints."""
    grain = bench.grain
    edges = (1, 2, grain // 3, grain - 1, grain, grain + 1, 2 * grain, 2 * grain + 1)
    return st.sampled_from(edges) | st.integers(1, 3 * grain)


def lengths(bench: Bench) -> st.SearchStrategy[int]:
    return st.just(0) | sizes(bench)


def sessions(bench: Bench) -> st.SearchStrategy[Session]:
    """Return a strategy for sessions of up to four chunks that end with a flush or are cut, and whose state store goes
    on or fails after up to three checkpoints, before or after it stores the next."""
    return st.builds(
        Session,
        sizes=st.lists(sizes(bench), max_size=4),
        flush=st.booleans(),
        survives=st.just(math.inf) | st.integers(0, 3),
        answer_lost=st.booleans(),
    )


def a_property(bench: Bench, **strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], None]:
    """Return a decorator that runs a function at once with Hypothesis, for as many examples as the bench allows."""

    def hold(check: Callable[..., None]) -> None:
        settings(max_examples=bench.max_examples, deadline=None)(given(**strategies)(check))()

    return hold


async def remove_leftovers(bench: Bench, upload: Upload) -> None:
    for leftover in [found_leftover async for found_leftover in bench.inspection.leftovers()]:
        if not bench.inspection.needs(upload, leftover):
            await bench.inspection.remove(leftover)
