"""Failed accepts for lack of file descriptors are logged once a minute at most, not each time."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

import pytest

from tusd_py.server import descriptors
from tusd_py.server.descriptors import throttle_accept_warnings

NO_MORE = {"message": "socket.accept() out of system resource", "exception": OSError(24, "Too many open files")}


async def test_failed_accepts_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Mock()
    monkeypatch.setattr(descriptors, "get_logger", lambda _name: log)
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    throttle_accept_warnings(loop)
    try:
        for _ in range(1000):
            loop.call_exception_handler(NO_MORE)
    finally:
        loop.set_exception_handler(before)
    assert [call.args for call in log.warning.call_args_list] == [("no descriptors",)]


async def test_any_other_trouble_of_the_loop_is_told_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    throttle_accept_warnings(loop)
    try:
        loop.call_exception_handler({"message": "something else"})
    finally:
        loop.set_exception_handler(before)
    assert "something else" in caplog.text
