"""The size of pages of stored documents: a page ends after a number of rows, or earlier if its documents are large."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Row = TypeVar("Row")


def read_page(rows: Iterable[Row], size: float, document: Callable[[Row], str]) -> list[Row]:
    """Return the first rows, up to and including the one with which their documents reach `size` characters in all;
    all rows if they have fewer. No row after the last returned one is read."""
    page = []
    for row in rows:
        page.append(row)
        size -= len(document(row))
        if size <= 0:
            break
    return page
