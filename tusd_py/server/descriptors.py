"""File descriptors: as many as the system allows, and few words when there are none left."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tusd_py.telemetry.log import get_logger
from tusd_py.telemetry.seldom import Seldom

_MOST = 65_536
_NO_MORE = "socket.accept() out of system resource"
"""How asyncio's message begins, once for each connection that it can't accept."""


def use_all_descriptors() -> None:
    """Raise the soft limit to the hard one: a connection takes one, a download from S3 two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def say_seldom(loop: asyncio.AbstractEventLoop) -> None:
    """Have the loop say once in a while that no connection can be accepted, without a stack for each."""
    log, seldom = get_logger("tusd_py"), Seldom(pause=60.0)

    def handle(loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        if not str(context.get("message", "")).startswith(_NO_MORE):
            loop.default_exception_handler(dict(context))
        elif (passed_over := seldom.allowed()) is not None:
            log.warning("no-descriptors", reason="raise the limit of open files", and_others=passed_over)

    loop.set_exception_handler(handle)
