"""One run: what its figures work with, and where their samples go."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.places import MIB
from bench.results import Results, Sample
from bench.sinks import End, Sink, certificate, sink
from bench.systems.base import Served, System, serving


@dataclass(slots=True, kw_only=True)
class Bench:
    """What the figures work with."""

    quick: bool
    directory: Path
    results: Results = field(default_factory=Results)
    round: int = 0

    def each(self, figure: str, systems: Sequence[System]) -> Iterator[System]:
        """The systems in turn, backwards in every other round; those that can't be had are noted."""
        present = [system for system in systems if self._there(system)]
        print(f"{figure}: round {self.round + 1}", flush=True)
        yield from present[:: -1 if self.round % 2 else 1]

    def _there(self, system: System) -> bool:
        if (why := system.missing()) is not None:
            self.results.missing[system.name] = why
        return why is None

    def record(self, figure: str, system: System, case: str, **values: float) -> None:
        self.results.samples.append(Sample(figure=figure, system=system.name, case=case, values=values))
        told = " ".join(f"{name}={value:.4g}" for name, value in values.items())
        print(f"  {system.name:20} {case:12} {told}", flush=True)

    @contextmanager
    def attempt(self, figure: str, system: System) -> Iterator[None]:
        """A system that fails is noted, and the others go on."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 (whatever a peer does must not end the run)
            self.results.failures.append(f"{figure}, {system.name}: {type(error).__name__}: {error}")
            print(f"  {system.name}: {error}", flush=True)

    @contextmanager
    def served(self, system: System, s3: End) -> Iterator[Served]:
        """The system in front of an S3; all that it stored on the way is removed at the end."""
        with self.room() as room, serving(system, room, s3.endpoint, s3.authority) as server:
            yield server

    @contextmanager
    def room(self) -> Iterator[Path]:
        """A directory for as long as the block lasts."""
        room = self.directory / f"{time.monotonic_ns()}"
        room.mkdir()
        try:
            yield room
        finally:
            shutil.rmtree(room, ignore_errors=True)

    @contextmanager
    def tls_sink(self) -> Iterator[Sink]:
        with self.room() as room, sink(certificate=certificate(room)) as s3:
            yield s3

    def bulk_bytes(self, system: System) -> int:
        """What to send to this system in one measurement, all clients together."""
        size = (512 if self.quick else 1024) * MIB
        return size // 4 if system.slow else size
