"""Fixtures around clients: the programs, and the bytes that they send."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scripts import node
from tests.e2e import tusjs
from tests.e2e.deployment import MIB
from tests.support.parts import missing
from tests.support.writing import random_bytes


@pytest.fixture(scope="session")
def data() -> bytes:
    """Two parts and a bit."""
    return random_bytes(20 * MIB + 17)


@pytest.fixture(scope="session")
def file(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds `data`."""
    path = tmp_path_factory.mktemp("data") / "file"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="session")
def tus_js() -> tusjs.Start:
    """Starts tus-js-client in Node."""
    if not (tusjs.PROJECT / "node_modules").exists() and node.run(tusjs.PROJECT, *node.npm(), "ci"):
        missing("tus-js-client")
    return tusjs.start


@pytest.fixture(scope="session")
def curl() -> str:
    """The binary."""
    return shutil.which("curl") or missing("curl")
