"""The source distributions of locked packages, with the tests that a wheel leaves out. `make test` and `make matrix`
fetch that of aiotus."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from pathlib import Path

from devtools.part import MissingPartError

ROOT = Path(__file__).parent.parent
PLACE = ROOT / ".venv" / "sdists"


def fetch(package: str) -> int:
    """Download the package's source distribution to .venv/sdists, in the version and with the hash that
    requirements-dev.lock names; return pip's exit code. Raises ValueError if the file doesn't name the package."""
    PLACE.mkdir(exist_ok=True)
    locked = re.search(
        rf"^{package}==.*?(?=^[^ ])", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE | re.DOTALL
    )
    if locked is None:
        raise ValueError(f"requirements-dev.lock doesn't name {package}: run `make lock`")
    requirements = PLACE / f"{package}.txt"
    requirements.write_text(locked[0])
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check")
    how = ("--no-deps", "--no-build-isolation", "--no-binary", package, "--require-hashes")
    return subprocess.run([*pip, *how, "-r", str(requirements), "-d", str(PLACE)], check=False).returncode


def unpack(package: str, directory: Path) -> Path:
    """Unpack the package's source into `directory`; return the directory of its files. Raises MissingPartError if it
    wasn't fetched."""
    archive = next(PLACE.glob(f"{package}-*.tar.gz"), None)
    if archive is None:
        raise MissingPartError(f"the source of {package}", "run `make test`")
    with tarfile.open(archive) as files:
        files.extractall(directory, filter="data")
    return directory / archive.name.removesuffix(".tar.gz")


if __name__ == "__main__":
    sys.exit(fetch(sys.argv[1]))
