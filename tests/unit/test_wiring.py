"""If closing a locker, a state, a storage or an HTTP application of a server fails, the others are closed all the
same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tusd_py.backends.sqlite.locks import SqliteLocker
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.config import Settings, load_settings
from tusd_py.domain.errors import ConfigurationError, StateUnavailable
from tusd_py.server import process
from tusd_py.server.listening import Listeners, ServerListeners
from tusd_py.server.wiring import open_state, open_unpaired
from tusd_py.storage.local.storage import LocalStorage
from tusd_py.transfer.budget import Budget


@pytest.fixture
def closings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make `aclose` of SqliteLocker, SqliteState and LocalStorage raise StateUnavailable; return a list to which each
    call adds its class's name."""
    calls = list[str]()
    for kind in (SqliteLocker, SqliteState, LocalStorage):
        monkeypatch.setattr(kind, "aclose", _failing(kind.__name__, calls))
    return calls


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"storage": f"file:{tmp_path / 'data'}", "state": f"sqlite:{tmp_path / 'state.db'}"}, None, {})


async def test_a_failed_close_keeps_none_from_its_turn(closings: list[str], settings: Settings) -> None:
    with pytest.raises(StateUnavailable):
        async with open_unpaired(settings, Budget(1)):
            pass
    assert closings == ["SqliteLocker", "SqliteState", "LocalStorage"]


async def test_a_state_is_closed_after_a_failed_close(closings: list[str], settings: Settings) -> None:
    with pytest.raises(StateUnavailable):
        async with open_state(settings):
            pass
    assert closings == ["SqliteLocker", "SqliteState"]


class Runner:
    """A stand-in for aiohttp's AppRunner: `setup` raises ConfigurationError, `cleanup` adds `name` to `calls` and
    raises StateUnavailable."""

    def __init__(self, name: str, calls: list[str]) -> None:
        self.cleanup = _failing(name, calls)

    async def setup(self) -> None:
        raise ConfigurationError("no")


async def test_probes_end_after_a_failed_cleanup(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    calls = list[str]()
    monkeypatch.setattr(process, "create_app", lambda _: "uploads")
    monkeypatch.setattr(process, "create_probes", lambda _: "probes")
    monkeypatch.setattr(process, "make_runner", lambda _, app, **_options: Runner(app, calls))
    monkeypatch.setattr(process, "_watch_signals", lambda *_: None)
    with pytest.raises(StateUnavailable):
        await process._serve(settings, ServerListeners(public=Listeners(), metrics=Listeners()), None)
    assert calls == ["uploads", "probes"]


def _failing(name: str, calls: list[str]) -> Callable[..., Awaitable[None]]:
    async def fail(*_: Any) -> None:
        calls.append(name)
        raise StateUnavailable(name)

    return fail
