"""Fixtures around real brokers, one of each for the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devtools.nats import NatsServer
from devtools.rabbitmq import RabbitServer
from tests.support.parts import started


@pytest.fixture(scope="session")
def nats_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with started(NatsServer(tmp_path_factory.mktemp("nats"))) as server:
        yield server


@pytest.fixture(scope="session")
def rabbit_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    with started(RabbitServer(tmp_path_factory.mktemp("rabbit"))) as server:
        yield server
