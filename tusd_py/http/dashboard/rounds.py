"""Rounds through the first rows of a list in the state, of which each look of the dashboard reads a few pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")

_ROWS = 50
"""The most rows of one round."""
_PAGES = 4
"""The most pages that one call of `look` reads: 50 small rows fit in one page, so that a call reads a whole round; of
large rows, few fit in a page, and a call reads only a part of the round, so that it ends soon."""


@dataclass(kw_only=True)
class Rounds(Generic[Row]):
    """A reader of a list's first 50 rows (`_ROWS`), in rounds: each `look` yields the round's next pages, at most
    `_PAGES` (4). An empty page, after the 50th row or the list's last, ends the round, and the next `look` starts again
    from the first row."""

    read: Callable[[Row | None, int], Awaitable[Sequence[Row]]]
    """A function that returns a page of the rows after a given row (None: from the first on), at most a given number;
    an empty page after the last row."""
    _last: Row | None = None
    _count: int = 0

    async def look(self) -> AsyncIterator[Sequence[Row]]:
        """Yield the next pages of the round, `_PAGES` at most; the last page of a round is empty. Raises
        StateUnavailable."""
        for _ in range(_PAGES):
            page = await self.read(self._last, _ROWS - self._count) if self._count < _ROWS else ()
            self._last, self._count = (page[-1], self._count + len(page)) if page else (None, 0)
            yield page
            if not page:
                return
