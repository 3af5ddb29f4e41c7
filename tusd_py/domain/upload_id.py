"""The ids of uploads."""

from __future__ import annotations

import re
from typing import NewType

UploadId = NewType("UploadId", str)
"""32 lower-case hex digits: 128 random bits, never chosen by a client."""


_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")


def parse_upload_id(text: str) -> UploadId | None:
    """Return the id, or None for text that doesn't have its exact form."""
    return UploadId(text) if _UPLOAD_ID.fullmatch(text) else None
