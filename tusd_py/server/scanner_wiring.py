"""The assembly of the scanner of uploads' content from settings."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from functools import partial

from tusd_py.config import Settings
from tusd_py.config.addresses import Address, UnixAddress
from tusd_py.engine.engine import Screening
from tusd_py.jobs.clamd import Clamd
from tusd_py.ports.observer import Observer
from tusd_py.ports.scanner import Scanner


def scanner(settings: Settings, observer: Observer) -> Scanner | None:
    """Return the client of the scanner that the settings name (`clamd`); None without one. Nothing is connected yet."""
    if settings.clamd is None:
        return None
    return Clamd(
        connect=partial(_connect, settings.clamd),
        seconds=settings.clamd_timeout,
        max_size=settings.clamd_max_size,
        observer=observer,
    )


def screening(settings: Settings, observer: Observer) -> Screening | None:
    """Return the scan that an upload has to pass before it is finished; None without a scanner, or without the setting
    scan-before-finish."""
    clamd = scanner(settings, observer)
    if clamd is None or not settings.scan_before_finish:
        return None
    return Screening(scanner=clamd, accepts_unscanned=settings.scan_unscanned == "accept")


async def _connect(address: Address) -> tuple[StreamReader, StreamWriter]:
    if isinstance(address, UnixAddress):
        return await asyncio.open_unix_connection(str(address.path))
    return await asyncio.open_connection(address.host, address.port)
