"""The sections on requests to S3, and on the cost of longer uploads and of more uploads in the state."""

from __future__ import annotations

from bench.figures import crowded_state, growth, requests
from bench.report import columns as c
from bench.report.columns import Column
from bench.report.sections.base import Plot, Section

REQUESTS = Section(
    figure=requests.NAME,
    title="What S3 is asked for",
    words="Requests, bytes in their bodies, and what the server wrote to local disk. What `tusd-py` writes is its "
    "SQLite state.",
    plots=(
        Plot(
            file="requests",
            title="S3 requests",
            unit=c.COUNT,
            values=("requests",),
            cases=("POST with 1 MiB", "128 MiB in one PATCH", "32 MiB in 32 PATCHes"),
        ),
    ),
)

GROWTH = Section(
    figure=growth.NAME,
    title="Longer uploads",
    words="One upload, CRC-32C, SQLite.",
    by_case=True,
    columns=(
        Column(heading="CPU-s/GiB", value="cpu_per_gib", unit=c.CPU),
        Column(heading="GiB/s", value="gib_per_s", unit=c.SPEED),
        Column(heading="peak RSS, MiB", value="peak_rss", unit=c.MEMORY),
        Column(heading="written a part, KiB", value="written_per_part", unit=c.KIB),
        Column(heading="state, KiB", value="state", unit=c.KIB),
    ),
    plots=(Plot(file="growth", title="CPU a GiB, of longer uploads", unit=c.CPU, values=("cpu_per_gib",), lines=True),),
)

SAVES = Section(
    figure=growth.SAVES,
    title="Recording one more part",
    words="One save of the SQLite state, when so many parts are recorded already. The time is mostly the disk's.",
    by_case=True,
    columns=(
        Column(heading="CPU, µs", value="cpu_us", unit=c.US),
        Column(heading="time, µs", value="wall_us", unit=c.US),
    ),
    plots=(
        Plot(
            file="saves",
            title="CPU of recording one more part",
            unit=c.US,
            values=("cpu_us",),
            lines=True,
        ),
    ),
)

STATE = Section(
    figure=crowded_state.NAME,
    title="More uploads in the state",
    words="So many unfinished uploads in one SQLite file. A page has up to 1,000; the last sweep removes 100 that "
    "expired.",
    by_case=True,
    columns=(
        Column(heading="HEAD, p50, ms", value="head_p50_ms", unit=c.MS),
        Column(heading="HEAD, CPU, ms", value="head_cpu_ms", unit=c.MS),
        Column(heading="a page, ms", value="list_ms", unit=c.MS),
        Column(heading="a sweep with nothing due, ms", value="idle_sweep_ms", unit=c.MS),
        Column(heading="a sweep, each expired, ms", value="sweep_ms", unit=c.MS),
        Column(heading="state, KiB", value="state", unit=c.KIB),
    ),
    plots=(
        Plot(
            file="state",
            title="Uploads in the SQLite state",
            unit=c.MS,
            values=("head_p50_ms", "list_ms", "sweep_ms"),
            lines=True,
        ),
    ),
)
