"""RabbitMQ, from Debian's package."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from devtools.part import HOST, Part, need
from devtools.ports import free_port

_PLACE = "/usr/lib/rabbitmq/bin"
"""The directory of the script `rabbitmq-server` that runs as the current user; the one on the PATH changes the user."""
_REMEDY = "install Debian's rabbitmq-server"
_LOCAL = "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"


class _Names(Part):
    """Erlang's name server."""

    name = "epmd"

    def command(self) -> Sequence[str]:
        return (need("epmd", _REMEDY), "-port", str(self.port), "-address", HOST)


class RabbitServer(Part):
    """A `rabbitmq-server` with the user `guest`, and its name server."""

    name = "RabbitMQ"
    ready_within = 90.0

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.url = f"amqp://guest:guest@{HOST}:{self.port}/"
        self._names, self._nodes = _Names(directory / "names"), free_port()

    def command(self) -> Sequence[str]:
        return (need("rabbitmq-server", _REMEDY, _PLACE),)

    def environment(self) -> Mapping[str, str]:
        folder = self._directory.absolute()
        return {
            **super().environment(),
            "ERL_EPMD_PORT": str(self._names.port),
            "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_NODENAME": f"node{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._nodes),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _LOCAL,
        }

    def start(self) -> None:
        self._names.start()
        super().start()

    def stop(self, sig: signal.Signals = signal.SIGKILL) -> None:
        super().stop(sig)
        self._names.stop(sig)
