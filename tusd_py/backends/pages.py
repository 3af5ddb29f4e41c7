"""The ends of pages of stored documents: a page has a number of rows at most, or fewer if these are large."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Row = TypeVar("Row")


def read_page(rows: Iterable[Row], size: float, document: Callable[[Row], str]) -> list[Row]:
    """Return the rows up to the one by which their documents have `size` characters together; all if they have fewer.
    No row after that one is read."""
    page = []
    for row in rows:
        page.append(row)
        size -= len(document(row))
        if size <= 0:
            break
    return page
