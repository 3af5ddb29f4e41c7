"""A system to measure: a server with its settings, as a process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.places import AWS, BUCKET, ROOT
from bench.process import running, wait_until_answering
from devtools.ports import free_port


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The directory, port and S3 of a server."""

    directory: Path
    """The server's own new directory, empty but for `tmp`; it should be on a real disk (`--directory`)."""
    port: int
    endpoint: str
    """The URL of the S3."""
    authority: Path | None = None
    """The certificate to trust, if the S3 serves TLS."""
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
    """A function that returns the reason why it isn't available here; None if it is."""
    environment: Callable[[Place], Mapping[str, str]] = field(default=lambda _: {})
    relays: bool = False
    """True if it doesn't speak tus but relays requests to S3."""
    slow: bool = False
    """True if it is so slow that it is measured with a quarter of the bytes."""
    piece: int = 0
    """Bytes of the largest request body to send; 0 for any."""

    @property
    def load(self) -> dict[str, Any]:
        """The options with which the load clients of `bench.load` upload to this system."""
        return {"mode": "put"} if self.relays else {"mode": "tus", "piece": self.piece}

    @property
    def path(self) -> str:
        return f"/{BUCKET}/" if self.relays else "/files/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running server."""

    url: str
    pid: int
    started_in: float
    """Seconds from its start to its first response."""
    place: Place


@contextmanager
def serving(system: System, directory: Path, endpoint: str, authority: Path | None = None) -> Iterator[Served]:
    """Run the system's server, with the S3 at the URL `endpoint`, in a new directory below `directory` while the
    context lasts; the context begins once it answers. Raises StartError if it doesn't."""
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
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TUSD_PY_"))}
    common = {**inherited, **AWS, "PYTHONPATH": str(ROOT), "TMPDIR": str(own / "tmp")}
    return replace(bare, environment={**common, **system.environment(bare)})


def nothing_missing() -> str | None:
    return None
