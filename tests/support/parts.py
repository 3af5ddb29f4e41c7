"""Parts that tests start themselves and that a machine may lack."""

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
    """Skip on a machine to try things out; fail where `CI=true` promises that everything is there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{part} is missing, and CI must have it")
    pytest.skip(f"{part} is missing")


def present(find: Callable[[], T]) -> T:
    """The value of `find`, which raises MissingPartError where a part is missing."""
    try:
        return find()
    except MissingPartError as error:
        lacking = error.part
    missing(lacking)


@contextmanager
def started(part: P) -> Iterator[P]:
    """Run the part for as long as the block lasts; without it, the test is skipped or fails."""
    present(part.start)
    try:
        yield part
    finally:
        part.stop()
