"""The limit of file descriptors, and a throttled warning when there are none left."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tusd_py.telemetry.log import get_logger
from tusd_py.telemetry.throttle import LogThrottle

_MAX_DESCRIPTORS = 65_536
_ACCEPT_FAILED = "socket.accept() out of system resource"
"""The beginning of asyncio's message for each attempt to accept a connection that failed for lack of descriptors or
memory."""


def use_all_descriptors() -> None:
    """Raise the soft limit of file descriptors to the hard one, up to 65,536, if the system allows it: a connection
    takes one descriptor, a download from S3 two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MAX_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < limit:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def throttle_accept_warnings(loop: asyncio.AbstractEventLoop) -> None:
    """Have the loop log at most once a minute, without a stack, that it can't accept connections for lack of
    descriptors or memory. Replaces the loop's exception handler; other errors go to the default handler."""
    log, throttle = get_logger("tusd_py"), LogThrottle(pause=60.0)

    def handle(loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        if not str(context.get("message", "")).startswith(_ACCEPT_FAILED):
            loop.default_exception_handler(dict(context))
        elif (suppressed := throttle.allowed()) is not None:
            log.warning("no descriptors", reason="raise the limit of open files", and_others=suppressed)

    loop.set_exception_handler(handle)
