"""Programs that tests start themselves, such as Redis, and that a machine may lack."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

import pytest

from devtools.part import MissingPartError, Part

P = TypeVar("P", bound=Part)
T = TypeVar("T")


def missing(part: str) -> NoReturn:
    """Skip the test that needs the part; fail it instead with `CI=true` in the environment, as CI must have all
    parts."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{part} is missing, and CI must have it")
    pytest.skip(f"{part} is missing")


def present(find: Callable[[], T]) -> T:
    """Return the value of `find`; if that raises MissingPartError, skip or fail the test (`missing`)."""
    try:
        return find()
    except MissingPartError as error:
        lacking = error.part
    missing(lacking)


@contextmanager
def started(part: P) -> Iterator[P]:
    """Run the part while the block lasts; skip or fail the test if the machine lacks the part."""
    present(part.start)
    try:
        yield part
    finally:
        part.stop()
