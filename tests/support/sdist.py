"""Source distributions of locked packages: with the tests that a wheel leaves out. `make setup` fetches them."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.support.parts import missing
from tests.support.server import ROOT

PLACE = ROOT / ".venv" / "sdists"


def fetch(package: str) -> int:
    """Downloads what requirements-dev.lock names, by its hash; pip's exit code."""
    PLACE.mkdir(exist_ok=True)
    locked = re.search(
        rf"^{package}==.*?(?=^[^ ])", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE | re.DOTALL
    )
    assert locked is not None
    wanted = PLACE / f"{package}.txt"
    wanted.write_text(locked[0])
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check")
    how = ("--no-deps", "--no-build-isolation", "--no-binary", package, "--require-hashes")
    return subprocess.run([*pip, *how, "-r", str(wanted), "-d", str(PLACE)], check=False).returncode


def unpack(package: str, directory: Path) -> Path:
    """Where its files are then."""
    found = next(PLACE.glob(f"{package}-*.tar.gz"), None) or missing(f"the source of {package}")
    with tarfile.open(found) as archive:
        archive.extractall(directory, filter="data")
    return directory / found.name.removesuffix(".tar.gz")


if __name__ == "__main__":
    sys.exit(fetch(sys.argv[1]))
