"""The metadata that clients declare for an upload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Metadata = Mapping[str, bytes]
"""The metadata of an upload, decoded from Upload-Metadata or another source: keys in ASCII, and values of any bytes.
The keys of one Upload-Metadata keep their order."""

TYPE_KEYS, NAME_KEYS = ("filetype", "type", "contentType"), ("filename", "name")
"""Metadata keys under which clients declare an upload's type and its name. The first key with a value counts."""


def declared(metadata: Metadata, keys: Sequence[str]) -> str:
    """Return the first of the keys' values that isn't empty, as text (wrong UTF-8 is replaced); an empty text if there
    is none."""
    return next((metadata[key].decode("utf-8", "replace") for key in keys if metadata.get(key)), "")
