"""Files of a storage on a local disk, and system calls that fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tusd_py.domain.upload import Upload


def part_of(root: Path, upload: Upload) -> Path:
    return root / ".tusd-py" / f"{upload.id}.part"


def files(root: Path) -> list[str]:
    """Return the paths, relative to `root`, of all files below it."""
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail
