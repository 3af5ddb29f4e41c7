"""The names of finished objects: chosen by a hook or a credential, or made from the setting `object-key`.

Of what a client sent, a name made from the setting contains only a sanitized file name, if the setting asks for it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from tusd_py.domain.metadata import NAME_KEYS, declared
from tusd_py.domain.names import base_name
from tusd_py.domain.upload import Upload

DATES = {"year": "%Y", "month": "%m", "day": "%d", "hour": "%H"}
BY_ID = "{id}"
_MAX_NAME, _MAX_CLIENT_NAME = 255, 200
"""Bytes that the name of a file or folder may have (NAME_MAX of Linux), and bytes of it that may come from a client."""
_DEVICES = frozenset({"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³")})
"""File names that Windows takes for devices, with any extension."""


@dataclass(frozen=True, slots=True)
class _Fields:
    """The values of a template's fields, each made only if the template has it: most templates have `id` alone."""

    upload: Upload
    sanitize: Callable[[str], str]

    def __getitem__(self, name: str) -> str:
        if name == "id":
            return self.upload.id
        if name == "filename":
            return self.sanitize(declared(self.upload.metadata, NAME_KEYS))
        return datetime.fromtimestamp(self.upload.times.created_at, UTC).strftime(DATES[name])


def expand(template: str, upload: Upload, sanitize: Callable[[str], str]) -> str:
    """Return the name of the upload's finished object: its chosen key, else its key prefix and the filled-in
    template. `sanitize` makes the client's file name safe for object names; it is called only if the template
    has the file name.
    """
    if upload.chosen_key is not None:
        return upload.chosen_key
    return upload.key_prefix + template.format_map(_Fields(upload, sanitize))


def path_of(template: str, upload: Upload) -> str:
    """Return the path of the upload's finished object below the storage's directory: as `expand`, with the client's
    file name sanitized, and cut so that the last segment, with what key prefix and template add, has at most 255
    bytes."""

    def fitted(filename: str) -> str:
        frame = expand(template, upload, lambda _: "").rpartition("/")[2]
        return sanitize(filename, min(_MAX_CLIENT_NAME, max(_MAX_NAME - len(frame.encode()), 1)))

    return expand(template, upload, fitted)


def sanitize(filename: str, room: int = _MAX_CLIENT_NAME) -> str:
    """Return the last component of the file name, safe in a path or a shell: letters, marks and numbers of any
    script stay, also `.`, `_` and `-` between them, and `-` at the end; every other character becomes `_`. A `_` is
    dropped at an end of the name, and of its part before the first dot; if nothing is left of the name or of that part,
    `file` replaces it: `_.txt` gives `file.txt`.

    The result has at most `room` bytes; a longer name keeps its end. It is never empty. A name that Windows
    reserves for a device gets a `_` in front; if no byte is left, in place of its first character.
    """
    last = base_name(filename).lstrip(".")
    stem, dot, extension = "".join(char if _is_plain(char) else "_" for char in last).partition(".")
    name = (stem.strip("_") or "file") + (dot + extension).rstrip("._")
    short = name.encode()[-room:].decode(errors="ignore").lstrip("._-") or "file"[-room:]
    if short.partition(".")[0].upper() not in _DEVICES:
        return short
    return f"_{short}" if len(short.encode()) < room else f"_{short[1:]}"


def _is_plain(char: str) -> bool:
    return char.isalnum() or char in "._-" or unicodedata.category(char).startswith("M")


def is_path(template: str) -> bool:
    """Return True if the template makes valid paths: no file or folder has a name that is empty, too long, or begins
    with a dot, and `{filename}`, which clients choose, is in no folder's name."""
    *folders, _ = template.split("/")
    dates = dict.fromkeys(DATES, "0000")
    names = template.format(id="0" * 32, filename="x" * _MAX_CLIENT_NAME, **dates).split("/")
    return "{filename}" not in "".join(folders) and all(
        0 < len(name.encode()) <= _MAX_NAME and not name.startswith(".") for name in names
    )
