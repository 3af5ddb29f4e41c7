"""go-tus, driven as a process: see go/main.go. No test installs Go: without it the tests are skipped."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent / "go"
CHUNK = 6 * 1024 * 1024


@cache
def go() -> str:
    """Return the path of Go's binary. Skips the test if Go isn't installed or go-tus can't be downloaded."""
    path = shutil.which("go")
    if path is None:
        pytest.skip("Go is not installed")
    if subprocess.run([path, "mod", "download"], cwd=PROJECT, check=False).returncode:
        pytest.skip("go-tus can't be had")
    return path


async def upload(endpoint: str, file: Path, *, override: bool = False) -> str:
    """Upload the file with go-tus, which stops after a chunk, asks for the offset and goes on; return the upload's URL.
    With `override` it sends POST instead of PATCH."""
    words = ("run", ".", endpoint, str(file), str(CHUNK), *(("override",) if override else ()))
    process = await asyncio.create_subprocess_exec(go(), *words, cwd=PROJECT, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode().strip()
