"""The section on listeners and lists of uploads."""

from __future__ import annotations

from bench.figures import live
from bench.load.ways import LISTENERS, VIEWERS
from bench.report import columns as c
from bench.report.columns import columns
from bench.report.sections.base import Section

LIVE = Section(
    figure=live.NAME,
    title="Ways to be told of uploads",
    words=f"{LISTENERS} listeners of one kind (dashboards: {VIEWERS}), and {live.CHANGES} changes, 1.1 s apart: a "
    "PATCH with one byte where one upload is listened to, else a creation. `last` is the time from the client's "
    "response to the arrival at the last listener. Bytes are those on the wire in both directions, heads of polls "
    "included, and CPU is the server's without that of the same changes with no listener, for each listener and "
    "change. Whole lists have 1,000 rows: bytes and CPU are a row's.",
    columns=columns(
        "",
        ("first byte, ms", "first_ms", c.MS),
        ("last, ms", "last_ms", c.MS),
        ("bytes", "bytes_each", c.COUNT),
        ("CPU, ms", "cpu_ms", c.MS),
    ),
    by_case=True,
)
