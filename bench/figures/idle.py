"""The time that each server takes to start, and its memory and CPU while it is idle."""

from __future__ import annotations

import time

from bench import systems
from bench.bench import Bench
from bench.probe import resident, watched
from bench.sinks import sink

NAME = "idle"
_SETTLE, _WINDOW = 1.0, 2.0


def measure(bench: Bench) -> None:
    """Measure the seconds from each server's start to its first response, and then its memory and CPU while it is
    idle."""
    with sink() as s3:
        for system in bench.in_turn(NAME, systems.ALL):
            with bench.attempt(NAME, system), bench.served(system, s3) as server:
                time.sleep(_SETTLE)
                with watched(server.pid, s3.pid) as usage:
                    time.sleep(_WINDOW)
                values = {"start_s": server.started_in, "idle_rss": resident(server.pid), "cpu": usage.cpu / _WINDOW}
                bench.record(NAME, system, "", **values)
