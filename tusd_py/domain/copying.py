"""A faster `dataclasses.replace`, for the records that are copied several times in each request.

`dataclasses.replace` takes about 15 µs for an upload: it looks at each field and calls the constructor, which sets each
attribute through `object.__setattr__`. Copying the attributes at once takes a tenth of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

__all__ = ["copy_with"]

T = TypeVar("T")

if TYPE_CHECKING:
    from dataclasses import replace as copy_with  # type checkers know the fields by it
else:

    def copy_with(record: T, /, **changes: object) -> T:
        """Return a copy of the record with `changes` to its attributes, without a call of `__post_init__`. The record
        must be a frozen dataclass without slots.

        Raises AttributeError if the dataclass has slots.
        """
        copy = object.__new__(type(record))
        copy.__dict__.update(record.__dict__, **changes)
        return copy
