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
    """Random bytes: 20 MiB and 17 bytes, which are more than two parts of 8 MiB."""
    return random_bytes(20 * MIB + 17)


@pytest.fixture(scope="session")
def file(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that holds `data`."""
    path = tmp_path_factory.mktemp("data") / "file"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="session")
def tus_js() -> tusjs.Start:
    """A function that starts tus-js-client in Node; the test is skipped, or with CI=true fails, if npm can't install
    that."""
    if not (tusjs.PROJECT / "node_modules").exists() and node.run(tusjs.PROJECT, *node.npm(), "ci"):
        missing("tus-js-client")
    return tusjs.start


@pytest.fixture(scope="session")
def curl() -> str:
    """The path of the curl program; without it the test is skipped, or with CI=true fails."""
    return shutil.which("curl") or missing("curl")
