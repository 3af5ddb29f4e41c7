"""Install the programs that tests need and that come from neither PyPI nor npm: from Debian's packages, if apt-get is
there and this process runs as root.

Nothing is done if all are there. The output says which can't be installed, and why; their tests are skipped or fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from devtools.part import find

PACKAGES = {
    "bsdtar": "libarchive-tools",
    "chromium": "chromium",
    "clamd": "clamav-daemon",
    "nginx": "nginx",
    "rabbitmq-server": "rabbitmq-server",
    "unzip": "unzip",
}
"""The Debian package of each program, by the program's name."""

_QUIETLY = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
"""The environment variables, added to this process's, that make apt-get ask nothing and start no package's service."""


def main() -> None:
    """Install the missing programs, each by its own call of apt-get, so that the failure of one doesn't prevent the
    others."""
    lacking = [package for program, package in PACKAGES.items() if find(program) is None]
    if not lacking:
        return
    print(f"installing {' '.join(lacking)} for the tests", flush=True)
    if trouble := _no_debian() or _run("update"):
        _complain(" ".join(lacking), trouble)
        return
    for package in lacking:
        if trouble := _run("install", "--yes", "--no-install-recommends", package):
            _complain(package, trouble)


def _no_debian() -> str | None:
    return None if shutil.which("apt-get") and os.geteuid() == 0 else "needs root and Debian's apt-get"


def _run(*command: str) -> str | None:
    """Run apt-get with the arguments `command`; return the reason if it fails, else None."""
    done = subprocess.run(
        ["apt-get", "-qq", *command], env={**os.environ, **_QUIETLY}, capture_output=True, text=True, check=False
    )
    return next(iter(reversed(done.stderr.splitlines())), f"apt-get {command[0]} failed") if done.returncode else None


def _complain(packages: str, trouble: str) -> None:
    print(f"can't install {packages} ({trouble}): the tests that need it will say so", flush=True)


if __name__ == "__main__":
    main()
