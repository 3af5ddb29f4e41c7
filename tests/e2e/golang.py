"""go-tus, driven as a process: see go/main.go. Only where Go is installed, which no test does."""

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
    """The binary; skips if there is none, or nowhere to get go-tus from."""
    path = shutil.which("go")
    if path is None:
        pytest.skip("Go is not installed")
    if subprocess.run([path, "mod", "download"], cwd=PROJECT, check=False).returncode:
        pytest.skip("go-tus can't be had")
    return path


async def upload(endpoint: str, file: Path, *, override: bool = False) -> str:
    """The URL of an upload that go-tus begins, asks for, and goes on with."""
    words = ("run", ".", endpoint, str(file), str(CHUNK), *(("override",) if override else ()))
    process = await asyncio.create_subprocess_exec(go(), *words, cwd=PROJECT, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode().strip()
