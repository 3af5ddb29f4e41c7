"""The metadata that clients declare for an upload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Metadata = Mapping[str, bytes]
"""Upload-Metadata, decoded: ASCII keys in the order in which they were sent, values of any bytes."""

TYPE_KEYS, NAME_KEYS = ("filetype", "type", "contentType"), ("filename", "name")
"""Metadata keys under which clients declare an upload's type and name; the first that isn't empty counts."""


def declared(metadata: Metadata, keys: Sequence[str]) -> str:
    """Return the first value of the keys that isn't empty; empty if all are."""
    return next((metadata[key].decode("utf-8", "replace") for key in keys if metadata.get(key)), "")
