"""What is measured: a server that can be started, wherever it comes from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.places import AWS, BUCKET, ROOT
from bench.process import running, wait_until_answering
from tests.support.ports import free_port


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a server is given."""

    directory: Path
    """Empty, on a real disk."""
    port: int
    endpoint: str
    """Of the S3."""
    authority: Path | None = None
    """The certificate to trust, where the S3 speaks TLS."""
    environment: Mapping[str, str]

    @property
    def target(self) -> str:
        """Host and port of the S3."""
        return self.endpoint.partition("://")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A kind of server with its settings."""

    name: str
    command: Callable[[Place], Sequence[str]]
    missing: Callable[[], str | None]
    """Why it can't be had here; None if it can."""
    environment: Callable[[Place], Mapping[str, str]] = field(default=lambda _: {})
    relays: bool = False
    """Knows no tus: what it is sent goes straight to S3."""
    slow: bool = False
    """So much slower than the others that it is measured with a quarter of the bytes."""
    piece: int = 0
    """Largest request body it should get; 0 for any."""

    @property
    def load(self) -> dict[str, Any]:
        """How the bulk client speaks to it."""
        return {"mode": "put"} if self.relays else {"mode": "tus", "piece": self.piece}

    @property
    def path(self) -> str:
        return f"/{BUCKET}/" if self.relays else "/files/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server that runs."""

    url: str
    pid: int
    started_in: float
    """Seconds from its first instruction to its first answer."""
    place: Place


@contextmanager
def serving(system: System, directory: Path, endpoint: str, authority: Path | None = None) -> Iterator[Served]:
    """The server for as long as the block lasts, in a directory of its own."""
    place = _place(system, directory, endpoint, authority)
    with running(system.command(place), place.directory, place.environment) as process:
        took = wait_until_answering(process, place.port, system.path, place.directory / "log")
        url = f"http://127.0.0.1:{place.port}{system.path}"
        yield Served(url=url, pid=process.pid, started_in=took, place=place)


def _place(system: System, directory: Path, endpoint: str, authority: Path | None) -> Place:
    port = free_port()
    own = directory / f"{system.name.replace(' ', '-').replace('/', '-')}-{port}"
    (own / "tmp").mkdir(parents=True)
    bare = Place(directory=own, port=port, endpoint=endpoint, authority=authority, environment={})
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TUSD_PY_"))}
    common = {**kept, **AWS, "PYTHONPATH": str(ROOT), "TMPDIR": str(own / "tmp")}
    return replace(bare, environment={**common, **system.environment(bare)})


def nothing_missing() -> str | None:
    return None
