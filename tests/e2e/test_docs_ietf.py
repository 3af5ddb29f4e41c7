"""The shell examples of docs/clients.md for the IETF's protocol, run as they stand there but for the server's URL."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.e2e.deployment import Deployment
from tests.support.server import ROOT
from tests.support.writing import random_bytes

SECTION = (ROOT / "docs" / "clients.md").read_text().partition("## Clients of the IETF's protocol")[2]
WHOLE, STEPS = re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", SECTION.partition("\n## ")[0], re.MULTILINE)
SIZE = 11 * 1024 * 1024 + 5


async def shell(script: str, directory: Path, deployment: Deployment) -> str:
    (directory / "film.mp4").write_bytes(random_bytes(SIZE))
    commands = script.replace("http://127.0.0.1:8080/files", deployment.url.rstrip("/"))
    process = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", commands, cwd=directory, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


@pytest.mark.usefixtures("curl")
async def test_a_whole_file_takes_one_request(deployment: Deployment, tmp_path: Path) -> None:
    output = await shell(WHOLE, tmp_path, deployment)
    assert "Upload-Complete: ?1" in output
    location = re.search(r"^Location: (\S+)", output, re.MULTILINE)
    assert location is not None
    assert deployment.stored(location[1]) == random_bytes(SIZE)


@pytest.mark.usefixtures("curl")
async def test_step_by_step(deployment: Deployment, tmp_path: Path) -> None:
    output = await shell(f'{STEPS}\necho "$url"', tmp_path, deployment)
    assert deployment.stored(output.split()[-1]) == random_bytes(SIZE)
