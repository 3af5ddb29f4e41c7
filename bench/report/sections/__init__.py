"""The sections of docs/benchmarks.md on what is measured, in the page's order: text, columns and plots."""

from __future__ import annotations

from bench.report.sections import growing, telling, transfers, waiting

SECTIONS = (
    transfers.CPU,
    transfers.CORES,
    transfers.WORKERS,
    transfers.TLS,
    waiting.LINK,
    waiting.SMALL,
    waiting.CROWD,
    waiting.LISTENERS,
    waiting.EVENTS,
    transfers.FORMS,
    telling.LIVE,
    growing.REQUESTS,
    growing.GROWTH,
    growing.SAVES,
    growing.STATE,
    transfers.DOWNLOAD,
    waiting.IDLE,
    transfers.REAL,
)
