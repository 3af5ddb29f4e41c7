from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.deliveries import upload
from tusd_py.domain.caller import NO_CALLER
from tusd_py.domain.errors import ConfigurationError
from tusd_py.events_out.formats.facts import Message
from tusd_py.events_out.hooks.call import Call, CallFailed, call_of
from tusd_py.events_out.hooks.python import PythonCaller, load_hooks
from tusd_py.ports.observer import Observer


class Hooks:
    """Two `async` hooks, one of which sleeps for 100 s, and two that run in threads, one of which raises KeyError."""

    async def pre_create(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"RejectUpload": call["x"] == 1}

    def post_create(self, call: Mapping[str, Any]) -> str:
        del call
        return threading.current_thread().name

    def post_finish(self, call: Mapping[str, Any]) -> None:
        raise KeyError(call["x"])

    async def post_terminate(self, call: Mapping[str, Any]) -> None:
        del call
        await asyncio.sleep(100)


class Troubles(Observer):
    def __init__(self) -> None:
        self.fields = list[Mapping[str, object]]()

    def trouble(self, message: str, **fields: object) -> None:
        self.fields.append({"message": message, **fields})


def call(hook: str) -> Call:
    return call_of(Message(name=hook, body=b'{"x":1}'), "id", upload(), NO_CALLER, ())


async def test_each_hook_is_a_method() -> None:
    caller = PythonCaller(Hooks(), Observer())
    assert (await caller.call(call("pre-create"), 9.0)).body == b'{"RejectUpload": true}'
    assert (await caller.call(call("post-lost"), 9.0)).body == b""
    assert b"MainThread" not in (await caller.call(call("post-create"), 9.0)).body


async def test_what_it_raises_is_logged_with_its_stack() -> None:
    troubles = Troubles()
    with pytest.raises(CallFailed, match="KeyError"):
        await PythonCaller(Hooks(), troubles).call(call("post-finish"), 9.0)
    [logged] = troubles.fields
    assert logged["message"] == "hook raised"
    assert "raise KeyError" in str(logged["exception"])


async def test_it_has_so_much_time() -> None:
    with pytest.raises(CallFailed, match="timeout"):
        await PythonCaller(Hooks(), Observer()).call(call("post-terminate"), 0.05)


def test_hooks_are_named_by_module_and_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_hooks_71.py").write_text("class Mine:\n    x = 1\nmine = Mine()\n")
    monkeypatch.chdir(tmp_path)
    assert load_hooks("my_hooks_71:mine").x == load_hooks("my_hooks_71:Mine").x == 1  # type: ignore[attr-defined]
    for wrong in ("my_hooks_71:other", "no_such_module_71:x"):
        with pytest.raises(ConfigurationError, match=f"hooks-python {wrong}: "):
            load_hooks(wrong)
