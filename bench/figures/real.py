"""Uploads at full speed, as in `bench.figures.bulk`, into SeaweedFS: a real S3, which uses much of the machine."""

from __future__ import annotations

from bench import systems
from bench.bench import Bench
from bench.figures.bulk import uploads
from bench.places import MIB
from bench.sinks import End
from bench.systems.ours import tusdpy
from devtools.seaweed import SeaweedFS

NAME = "real"
TUSD_PY = tusdpy("tusd-py", profile="seaweedfs")
_SIZE = 256 * MIB


def measure(bench: Bench) -> None:
    chosen = (TUSD_PY, systems.TUSD, systems.TUS_NODE)
    with bench.temporary() as directory, SeaweedFS(directory) as store:
        s3 = End(port=store.port, pid=store.pid)
        for system in bench.in_turn(NAME, chosen):
            with bench.attempt(NAME, system), bench.served(system, s3) as server:
                for count in (1, 4):
                    bench.record(NAME, system, f"{count}", **uploads(_SIZE, system, server, s3, count))
