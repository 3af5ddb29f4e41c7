"""The check of an upload's type by its first bytes. No function does I/O or reads a clock.

Files of many types begin with a mark: certain bytes, such as `%PDF`. Most texts have none, and texts and other files
may begin with a short mark by chance: only a long mark proves that a file isn't of another type. A file that is made to
look like two types is taken for either.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tusd_py.domain.allowed import has_type
from tusd_py.domain.metadata import TYPE_KEYS, declared
from tusd_py.domain.refusals import TypeNotAllowed
from tusd_py.domain.upload import Upload

HEAD_BYTES = 2048
"""The number of first bytes that are checked at most."""
_LONG = 4
"""The least bytes of a long mark: files of another type don't begin with so many by chance."""
_CONTROLS = frozenset({*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)})
"""Bytes that no text in ASCII or UTF-8 has (MIME Sniffing standard, 3: binary data byte)."""
_SUFFIXES = ("+xml", "+json")
_UNKNOWN = "application/octet-stream"
_TEXTS = frozenset({"application/json", "application/xml", "application/javascript", "application/yaml"})


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark that was found in the first bytes of an upload."""

    kind: str
    """The media type of files with the mark, in lower case."""
    length: int
    """The length of the mark in bytes."""
    incomplete: bool = False
    """True if the bytes end before a second mark that may follow and decide the type (RIFF, then WEBP)."""


def check_content(
    upload: Upload, head: bytes, marks: Sequence[Mark], marked: Collection[str], allowed: Sequence[str]
) -> None:
    """Raise TypeNotAllowed unless `head` fits the upload's declared type, or has a mark of a type in `allowed`. Bytes
    without a long mark also pass if `allowed` takes `application/octet-stream`.

    `head` is all of the upload's bytes, or the first `HEAD_BYTES`; `marks` are those found in `head`, `marked` all
    media types that have a mark, and `allowed` the media types (also `image/*` or `*/*`) that the server takes.
    """
    if has_allowed_mark(upload, marks, allowed):
        return
    excluded = any(mark.length >= _LONG for mark in marks)
    if excluded or not (has_type(_UNKNOWN, allowed) or _may_lack_mark(_kind(upload), head, marked)):
        raise TypeNotAllowed(f"these bytes aren't of the declared type, nor of another one here: {', '.join(allowed)}")


def has_allowed_mark(upload: Upload, marks: Sequence[Mark], allowed: Sequence[str]) -> bool:
    """Return True if one of `marks`, those found in the upload's first bytes, is of a type in `allowed`, or one with
    which files of the declared type may begin: for `image/svg+xml`, also the mark of XML. Then `check_content` passes,
    and more bytes of the upload don't change that, unless the mark is incomplete (`Mark.incomplete`)."""
    names = _names(_kind(upload))
    return any(has_type(mark.kind, allowed) or _name(mark.kind) in names for mark in marks)


def _may_lack_mark(kind: str, head: bytes, marked: Collection[str]) -> bool:
    if kind.startswith("text/") or kind in _TEXTS or kind.endswith(_SUFFIXES):
        return _CONTROLS.isdisjoint(head)
    return _name(kind) not in map(_name, marked)


def _kind(upload: Upload) -> str:
    """Return the type that the upload's metadata declares, without parameters, in lower case; an empty text if none is
    declared."""
    return declared(upload.metadata, TYPE_KEYS).partition(";")[0].strip(" \t").lower()


def _names(kind: str) -> frozenset[str]:
    """Return the names, as `_name` returns them, of the types with whose marks a file of type `kind` may begin: that of
    `kind`, and the suffix after `+`. `image/svg+xml` gives `svg+xml` and `xml`, as it begins as XML does. If `kind` has
    no `+`, the second is all of `kind`, which is no type's name."""
    return frozenset({_name(kind), kind.rpartition("+")[2]})


def _name(kind: str) -> str:
    """Return the subtype without a prefix `x-`, `ms-` or `x-ms-`: `audio/wav` and `audio/x-wav` have the same."""
    return kind.partition("/")[2].removeprefix("x-").removeprefix("ms-")
