"""The judgement of an upload's type by its first bytes. Pure, like the rules.

Many types have a mark: bytes that their files begin with, such as `%PDF`. Texts have none, and short marks begin texts
and other files by chance, so that only long ones tell what a file is not. A file that is made to look like two types
passes as either.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tusd_py.domain.allowed import has_type
from tusd_py.domain.metadata import TYPE_KEYS, declared
from tusd_py.domain.refusals import TypeNotAllowed
from tusd_py.domain.upload import Upload

HEAD_BYTES = 2048
"""The most bytes that are judged."""
_LONG = 4
"""Bytes of a mark that no other file begins with by chance."""
_CONTROLS = frozenset({*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)})
"""Bytes that no text has (MIME Sniffing standard, 3: binary data byte)."""
_SUFFIXES = ("+xml", "+json")
_UNKNOWN = "application/octet-stream"
_TEXTS = frozenset({"application/json", "application/xml", "application/javascript", "application/yaml"})


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark that was found."""

    kind: str
    """The media type of files that have it, in lower case."""
    length: int
    """The bytes of it."""


def check_content(
    upload: Upload, head: bytes, marks: Sequence[Mark], marked: Collection[str], allowed: Sequence[str]
) -> None:
    """Return if the upload may begin with `head`: all of its bytes, or `HEAD_BYTES`. `marks` are those found in it, and
    `marked` the types that have one. Raises TypeNotAllowed."""
    if has_allowed_mark(upload, marks, allowed):
        return
    excluded = any(mark.length >= _LONG for mark in marks)
    if excluded or not (has_type(_UNKNOWN, allowed) or _may_lack_mark(_kind(upload), head, marked)):
        raise TypeNotAllowed(f"these bytes aren't of the declared type, nor of another one here: {', '.join(allowed)}")


def has_allowed_mark(upload: Upload, marks: Sequence[Mark], allowed: Sequence[str]) -> bool:
    """Return True if a mark is of the upload's declared type, or of another one that is allowed. More bytes change
    nothing then."""
    names = _names(_kind(upload))
    return any(has_type(mark.kind, allowed) or _name(mark.kind) in names for mark in marks)


def _may_lack_mark(kind: str, head: bytes, marked: Collection[str]) -> bool:
    if kind.startswith("text/") or kind in _TEXTS or kind.endswith(_SUFFIXES):
        return _CONTROLS.isdisjoint(head)
    return _name(kind) not in map(_name, marked)


def _kind(upload: Upload) -> str:
    """Return the declared type without parameters, in lower case."""
    return declared(upload.metadata, TYPE_KEYS).partition(";")[0].strip(" \t").lower()


def _names(kind: str) -> frozenset[str]:
    """Return the names of types with whose marks such files begin: `image/svg+xml` begins as `application/xml` does."""
    return frozenset({_name(kind), kind.rpartition("+")[2]})


def _name(kind: str) -> str:
    """Return the part of the type that its variants have in common: `audio/wav` is `audio/x-wav`, too."""
    return kind.partition("/")[2].removeprefix("x-").removeprefix("ms-")
