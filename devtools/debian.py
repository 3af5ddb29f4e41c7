"""Install programs that neither PyPI nor npm has: from Debian, where this is Debian and we are root.

Nothing happens when all is there; a line says what can't be had, and its tests are skipped or fail.
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
"""By the name of the program."""

_QUIETLY = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
"""Asks nothing, and starts no service that a package brings."""


def main() -> None:
    """Install what is missing."""
    lacking = [package for program, package in PACKAGES.items() if find(program) is None]
    if not lacking:
        return
    print(f"installing {' '.join(lacking)} for the tests", flush=True)
    if trouble := _install(lacking):
        print(f"can't install {' '.join(lacking)} ({trouble}): the tests that need it will say so")


def _install(packages: list[str]) -> str | None:
    """Why it didn't work, if it didn't."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return "needs root and Debian's apt-get"
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "-qq", *command], env={**os.environ, **_QUIETLY}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            return next(iter(reversed(done.stderr.splitlines())), f"apt-get {command[0]} failed")
    return None


if __name__ == "__main__":
    main()
