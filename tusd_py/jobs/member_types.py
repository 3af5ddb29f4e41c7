"""The media types that the names of an archive's members suggest."""

from __future__ import annotations

import mimetypes

from tusd_py.serving.media_types import UNKNOWN

_TABLE = mimetypes.MimeTypes()
"""Python's own table of media types by extension, without the files of the system: the same on each node with the same
version of Python."""
_OFFICE = "application/vnd.openxmlformats-officedocument"
_MORE = {
    ".7z": "application/x-7z-compressed",
    ".avif": "image/avif",
    ".bz2": "application/x-bzip2",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".flac": "audio/flac",
    ".gz": "application/gzip",
    ".heic": "image/heic",
    ".md": "text/markdown",
    ".ogg": "audio/ogg",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
    ".webp": "image/webp",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".xz": "application/x-xz",
    ".zst": "application/zstd",
}
"""More media types by extension, which go before those of the table: Python 3.11 lacks most of these extensions."""


def suggested_type(filename: str) -> str:
    """Return the media type that the extension of a file name suggests; UNKNOWN (application/octet-stream) for one that
    suggests none."""
    _, dot, extension = filename.rpartition(".")
    suffix = f"{dot}{extension.lower()}"
    return _MORE.get(suffix) or _TABLE.types_map[True].get(suffix) or UNKNOWN
