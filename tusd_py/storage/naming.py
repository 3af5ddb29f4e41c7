"""What finished objects are called: by the setting `object-key`. Of what a client sent, only a tamed file name may take
part, and only if the setting asks for it."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

from tusd_py.domain.upload import Upload

DATES = {"year": "%Y", "month": "%m", "day": "%d", "hour": "%H"}
BY_ID = "{id}"
_MOST, _LONGEST = 255, 200
"""Bytes of a file's or folder's name (NAME_MAX of Linux), and how many of them may be of a client's."""
_DEVICES = frozenset({"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10))})
"""What Windows takes for devices, with any extension."""


def expand(template: str, upload: Upload, filename: str) -> str:
    """The template as it is for this upload."""
    created = datetime.fromtimestamp(upload.created_at, UTC)
    dates = {name: created.strftime(code) for name, code in DATES.items()}
    return template.format(id=upload.id, filename=filename, **dates)


def tame(filename: str) -> str:
    """A file's name of letters and digits in any script, `.`, `_` and `-`: it means nothing to a path or a shell.

    At most 200 bytes; of one that is longer, the end stays.
    """
    last = re.split(r"[/\\]", filename)[-1].lstrip(".")
    stem, dot, extension = "".join(char if _is_plain(char) else "_" for char in last).partition(".")
    named = (stem.strip("_") or "file") + (dot + extension).rstrip("._")
    short = named.encode()[-_LONGEST:].decode(errors="ignore").lstrip("._-") or "file"
    return f"_{short}" if short.partition(".")[0].upper() in _DEVICES else short


def _is_plain(char: str) -> bool:
    return char.isalnum() or char in "._-" or unicodedata.category(char).startswith("M")


def is_path(template: str) -> bool:
    """Whether files on a disk can be named by it: nothing is hidden or too long, and clients name no folders."""
    *folders, _ = template.split("/")
    dates = dict.fromkeys(DATES, "0000")
    names = template.format(id="0" * 32, filename="x" * _LONGEST, **dates).split("/")
    return "{filename}" not in "".join(folders) and all(
        0 < len(name.encode()) <= _MOST and not name.startswith(".") for name in names
    )
