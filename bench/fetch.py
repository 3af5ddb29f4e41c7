"""`python -m bench.fetch`: install the servers that tusd-py is compared with, if they are missing: other upload servers
(the peers) and a relay that only forwards bytes to S3, into bench/.peers; nginx by apt-get.

For each that can't be installed a note in bench/.peers says why, and the report lists it as missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.places import BENCH, PEERS
from bench.systems.limits import RELAY_BINARY, nginx_binary
from bench.systems.peers import COMPANION_MODULE, NODE, RUSTUS_BINARY, TUSD_BINARY, VENV
from scripts import node

TUSD = "github.com/tus/tusd/v2/cmd/tusd@v2.9.1"
RUSTUS = "0.5.10"
"""The newest version of rustus on crates.io. It doesn't support S3 yet."""
_TIMEOUT = 600.0


class Unavailable(RuntimeError):
    """A peer, the relay or nginx can't be installed; the message says why."""


def fetch_all() -> None:
    """Install those of the peers, the relay and nginx that are missing; leave a note for each that can't be
    installed."""
    PEERS.mkdir(exist_ok=True)
    for path, fetch in _FETCHERS.items():
        if not path.exists():
            _fetch(path, fetch)
    if nginx_binary() is None:
        _fetch(PEERS / "nginx", _nginx)


def _fetch(path: Path, fetch: Callable[[], None]) -> None:
    print(f"fetching {path.name} …", flush=True)
    note = PEERS / f"{path.name}.missing"
    try:
        fetch()
        note.unlink(missing_ok=True)
    except Unavailable as error:
        note.write_text(f"{error}\n")
        print(f"  missing: {error}", flush=True)


def _tusd() -> None:
    _run("go", "install", TUSD, environment={"GOBIN": str(TUSD_BINARY.parent), "GOFLAGS": ""})


def _node_peers() -> None:
    NODE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc", "tus_node_server.mjs", "companion_socket.mjs"):
        shutil.copy(BENCH / "peers" / name, NODE / name)
    _run(*node.npm(), "ci", "--omit=dev", at=NODE, environment=node.environment())


def _tuspyserver() -> None:
    _run(sys.executable, "-m", "venv", str(VENV))
    pip = (str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(*pip, "-r", str(BENCH / "peers" / "requirements.txt"))
    shutil.copy(BENCH / "peers" / "tuspyserver_app.py", VENV)


def _rustus() -> None:
    root = RUSTUS_BINARY.parent.parent
    _run("cargo", "install", "rustus", "--version", RUSTUS, "--locked", "--jobs", "1", "--root", str(root))


def _relay() -> None:
    _run("gcc", "-O2", "-Wall", "-Wextra", "-o", str(RELAY_BINARY), str(BENCH / "relay.c"), "-lpthread")


def _nginx() -> None:
    if os.geteuid() or not shutil.which("apt-get"):
        raise Unavailable("nginx isn't installed, and only root could install it")
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    _run("apt-get", "update", "-qq", environment=environment)
    _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "nginx-light", environment=environment)


_FETCHERS = {
    RELAY_BINARY: _relay,
    TUSD_BINARY: _tusd,
    NODE / "node_modules": _node_peers,
    COMPANION_MODULE: _node_peers,
    VENV / "tuspyserver_app.py": _tuspyserver,
    RUSTUS_BINARY: _rustus,
}


def _run(*command: str, at: Path = PEERS, environment: Mapping[str, str] | None = None) -> None:
    if shutil.which(command[0]) is None:
        raise Unavailable(f"{command[0]} isn't installed")
    variables = {**os.environ, **(environment or {})}
    try:
        done = subprocess.run(command, cwd=at, env=variables, capture_output=True, text=True, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"`{command[0]}` took longer than {_TIMEOUT:.0f} s") from None
    if done.returncode:
        raise Unavailable(f"`{' '.join(command[:3])}` failed: {_last_line(done.stderr)}")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else "no reason given"


if __name__ == "__main__":
    fetch_all()
