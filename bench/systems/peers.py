"""The upload servers of other projects that tusd-py is compared with (the peers), as `bench.fetch` installs them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.places import BUCKET, MIB, PEERS
from bench.systems.base import Place, System

TUSD_BINARY = PEERS / "go" / "tusd"
NODE = PEERS / "node"
COMPANION_MODULE = NODE / "node_modules" / "@uppy" / "companion"
VENV = PEERS / "venv"
RUSTUS_BINARY = PEERS / "cargo" / "bin" / "rustus"


def installed(path: Path) -> Callable[[], str | None]:
    """Return a function that returns None if `path` exists, else the reason that `bench.fetch` recorded or "not
    fetched"."""

    def missing() -> str | None:
        return None if path.exists() else reason(path)

    return missing


def reason(path: Path) -> str:
    note = PEERS / f"{path.name}.missing"
    return note.read_text().strip() if note.exists() else "not fetched"


def tusd(name: str, *flags: str) -> System:
    def command(place: Place) -> Sequence[str]:
        where = ("-host", "127.0.0.1", "-port", str(place.port), "-base-path", "/files/")
        return (str(TUSD_BINARY), *where, "-s3-bucket", BUCKET, "-s3-endpoint", place.endpoint, *flags)

    return System(name=name, command=command, missing=installed(TUSD_BINARY), environment=_go)


def _go(place: Place) -> Mapping[str, str]:
    return {} if place.authority is None else {"SSL_CERT_FILE": str(place.authority)}


def _node(place: Place) -> Sequence[str]:
    script = str(NODE / "tus_node_server.mjs")
    return (shutil.which("node") or "node", script, str(place.port), place.endpoint, BUCKET)


def _companion(place: Place) -> Sequence[str]:
    return (shutil.which("node") or "node", str(NODE / "companion_socket.mjs"), str(place.port), str(place.directory))


def _node_environment(place: Place) -> Mapping[str, str]:
    return {} if place.authority is None else {"NODE_EXTRA_CA_CERTS": str(place.authority)}


def _tuspyserver(place: Place) -> Sequence[str]:
    return (str(VENV / "bin" / "python"), str(VENV / "tuspyserver_app.py"), str(place.port), str(place.directory))


def _rustus(place: Place) -> Sequence[str]:
    where = ("--host", "127.0.0.1", "--port", str(place.port), "--url", "/files")
    limits = ("--max-body-size", str(64 * MIB), "--data-dir", "data", "--info-dir", "info")
    return (str(RUSTUS_BINARY), *where, *limits)


TUSD = tusd("tusd")
TUSD_UNHASHED = tusd("tusd, hashes off", "-s3-disable-content-hashes")
TUS_NODE = System(
    name="@tus/server",
    command=_node,
    missing=installed(NODE / "node_modules"),
    environment=_node_environment,
    slow=True,
)
TUSPYSERVER = System(
    name="tuspyserver (disk)", command=_tuspyserver, missing=installed(VENV / "tuspyserver_app.py"), slow=True
)
RUSTUS = System(name="rustus (disk)", command=_rustus, missing=installed(RUSTUS_BINARY), piece=32 * MIB)
COMPANION = System(name="@uppy/companion", command=_companion, missing=installed(COMPANION_MODULE))
"""The server of Companion, of which only the WebSocket to listeners is measured: its uploads go to other servers."""
