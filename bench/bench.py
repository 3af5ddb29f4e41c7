"""One run of the benchmarks: its directory, its results and the number of the round."""

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
    """The state of one run, which all figures use: the option `--quick`, a directory for temporary ones, the results,
    and the number of the round, from 0."""

    quick: bool
    directory: Path
    results: Results = field(default_factory=Results)
    round: int = 0

    def in_turn(self, figure: str, systems: Sequence[System]) -> Iterator[System]:
        """Yield the available systems, in reverse order in every other round; record the missing ones."""
        present = [system for system in systems if self._is_available(system)]
        print(f"{figure}: round {self.round + 1}", flush=True)
        yield from present[:: -1 if self.round % 2 else 1]

    def _is_available(self, system: System) -> bool:
        self.results.missing.pop(system.name, None)
        if (reason := system.missing()) is not None:
            self.results.missing[system.name] = reason
        return reason is None

    def record(self, figure: str, system: System, case: str, **values: float) -> None:
        self.results.samples.append(Sample(figure=figure, system=system.name, case=case, values=values))
        text = " ".join(f"{name}={value:.4g}" for name, value in values.items())
        print(f"  {system.name:20} {case:12} {text}", flush=True)

    @contextmanager
    def attempt(self, figure: str, system: System) -> Iterator[None]:
        """Record an exception of the context as a failure of the system, and suppress it, so that the other systems are
        measured."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 (no failure of a peer may end the run)
            self.results.failures.append(f"{figure}, {system.name}: {type(error).__name__}: {error}")
            print(f"  {system.name}: {error}", flush=True)

    @contextmanager
    def served(self, system: System, s3: End) -> Iterator[Served]:
        """Run the system in front of an S3 while the context lasts, in a temporary directory."""
        with self.temporary() as directory, serving(system, directory, s3.endpoint, s3.authority) as server:
            yield server

    @contextmanager
    def temporary(self) -> Iterator[Path]:
        """Make a temporary directory for the context."""
        directory = self.directory / f"{time.monotonic_ns()}"
        directory.mkdir()
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    @contextmanager
    def tls_sink(self) -> Iterator[Sink]:
        with self.temporary() as directory, sink(certificate=certificate(directory)) as s3:
            yield s3

    def bulk_bytes(self, system: System) -> int:
        """Return the bytes of one bulk measurement of the system, all clients together; a slow system gets a
        quarter."""
        size = (512 if self.quick else 1024) * MIB
        return size // 4 if system.slow else size
