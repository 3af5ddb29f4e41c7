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
    """Skip the running test, which needs the program or source named `part`; with `CI=true` in the environment, fail it
    instead, as CI must have all of them."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{part} is missing, and CI must have it")
    pytest.skip(f"{part} is missing")


def present(find: Callable[[], T]) -> T:
    """Return the result of `find`. If it raises MissingPartError, as this machine lacks a program or source, skip the
    test, or fail it with `CI=true` in the environment."""
    try:
        return find()
    except MissingPartError as error:
        lacking = error.part
    missing(lacking)


@contextmanager
def started(part: P) -> Iterator[P]:
    """Run the server `part` (`devtools.part.Part`) while the block lasts. If this machine lacks its program, skip the
    test, or fail it with `CI=true` in the environment."""
    present(part.start)
    try:
        yield part
    finally:
        part.stop()
