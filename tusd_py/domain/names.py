"""Checks of the names that clients, hooks and operators choose. No function does I/O or reads a clock. Each takes time
linear in the text."""

from __future__ import annotations

import re

from tusd_py.domain.upload_id import UploadId, parse_upload_id

_LONGEST = 255
"""The most characters of an upload's name."""
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")
_INTERNAL = ".tusd-py"
_DOTS = frozenset({".", ".."})
_RESERVED = (f"{_INTERNAL}/", "read/", "s3/")
"""Beginnings of paths below the creation endpoint, or of keys, that no name may have: the server uses them itself."""
_ROUTES = ("/events", "/socket", "/status")
"""Ends of paths below the creation endpoint that no name may have: they are routes of an upload."""
_SERVER_PATHS = frozenset(
    {"dashboard", "events", "exports", "healthz", "jobs", "metrics", "readyz", "tokens", "uploads"}
)
"""The first segments of the server's own paths that stay the same with any base path: with base path `/`, uploads with
such names would have the same URLs. `s3` isn't needed, as no name begins with `s3/`, nor `ui`, as the upload page needs
another base path."""
_ANY_ID = UploadId("00000000000000000000000000000000")
_LONGEST_PLACE, _LONGEST_SEGMENT = 511, 255
"""The most bytes of a key without the storage's prefix (S3 takes keys of 1,024 bytes; a prefix has up to 512, and a
slash follows), and of the name of a file or folder (Linux)."""
_METADATA_KEY = re.compile(r"[!-+\--~]+")  # visible ASCII without the comma
_TYPE_RANGE = re.compile(r"\*/\*|[a-z0-9_!#$&^.+-]+/(?:\*|[a-z0-9_!#$&^.+-]+)")


def is_name(text: str) -> bool:
    """Return True if an upload may have the name: segments of ASCII letters, digits and `._~-` between slashes, none of
    them empty, `.` or `..`; at most 255 characters, not in the form of an id, not beginning with `read/`, `s3/` or
    `.tusd-py/`, nor ending with `/events`, `/socket` or `/status`.
    """
    segments = text[: _LONGEST + 1].split("/")
    fits = len(text) <= _LONGEST and parse_upload_id(text) is None
    fits = fits and not text.startswith(_RESERVED) and not text.endswith(_ROUTES)
    return fits and all(_SEGMENT.fullmatch(segment) and segment not in _DOTS for segment in segments)


def is_hidden(name: str, base_path: str) -> bool:
    """Return True if one of the server's own routes may hide the URL of an upload with the name: the base path is `/`,
    and the name's first segment is that of one of the server's own paths, such as `jobs`."""
    return base_path == "/" and name.partition("/")[0] in _SERVER_PATHS


def name_of_one(name: str, upload_id: UploadId) -> str:
    """Return `NAME-ID`, the name of one of several uploads that share the name `name`."""
    return f"{name}-{upload_id}"


def has_room_for_id(name: str) -> bool:
    """Return True if an upload may have the name that is made of `name` and an id (`name_of_one`, `is_name`)."""
    return is_name(name_of_one(name, _ANY_ID))


def is_place(text: str) -> bool:
    """Return True if an object may have the key, or a file the path: printable segments between slashes, none of them
    empty, `.` or `..`, each of at most 255 bytes; at most 511 bytes in all; not in the form of an id, and neither
    `.tusd-py`, the server's own folder, nor below it.
    """
    segments = text[: _LONGEST_PLACE + 1].split("/")
    fits = text.isprintable() and len(text.encode()) <= _LONGEST_PLACE and parse_upload_id(text) is None
    return fits and segments[0] != _INTERNAL and all(map(_is_segment, segments))


def is_key_prefix(text: str) -> bool:
    """Return True if the text may begin a key, and a key is still valid (`is_place`) with 64 bytes more in its last
    segment: a prefix leaves room for what follows it."""
    return is_place(f"{text}{'x' * 64}")


def _is_segment(text: str) -> bool:
    return 0 < len(text.encode()) <= _LONGEST_SEGMENT and text not in _DOTS


def base_name(name: str) -> str:
    """Return what follows the last slash or backslash of a name, or all of a name without one; empty if the name ends
    with one."""
    _, _, last = name.replace("\\", "/").rpartition("/")
    return last


def is_metadata_key(text: str) -> bool:
    """Return True if Upload-Metadata may have the key (tus 1.0): visible ASCII without commas, not empty."""
    return _METADATA_KEY.fullmatch(text) is not None


def is_type_range(text: str) -> bool:
    """Return True if the text is a media type without parameters, a range such as `image/*`, or `*/*`, in lower case
    (RFC 9110, 12.5.1).
    """
    return _TYPE_RANGE.fullmatch(text) is not None
