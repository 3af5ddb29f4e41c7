"""The ids of uploads."""

from __future__ import annotations

import re
from typing import NewType

UploadId = NewType("UploadId", str)
"""The id of an upload: 32 lower-case hex digits of 128 random bits, which the server chooses."""


_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")


def parse_upload_id(text: str) -> UploadId | None:
    """Return the text as an id; None if it isn't 32 lower-case hex digits."""
    return UploadId(text) if _UPLOAD_ID.fullmatch(text) else None
