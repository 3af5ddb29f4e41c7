"""The checks of tus-js-client's own end-to-end tests, which its package leaves out, repeated in Node by
js/end_to_end.mjs."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE, STDOUT

import pytest

from scripts.node import environment
from tests.e2e.deployment import Deployment
from tests.e2e.tusjs import PROJECT


@pytest.mark.usefixtures("tus_js")
async def test_what_tus_js_asks_of_a_server(deployment: Deployment) -> None:
    process = await asyncio.create_subprocess_exec(
        *("node", "end_to_end.mjs", deployment.url),
        cwd=PROJECT,
        env=environment(),
        stdout=PIPE,
        stderr=STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert "pass 3" in output.decode()
