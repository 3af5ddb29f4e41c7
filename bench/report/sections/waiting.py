"""The sections on a slow way to S3, small requests, events, a crowd of slow uploads, many listeners, and a server's
start and memory."""

from __future__ import annotations

from bench.figures import crowd, events, idle, link, listeners, small
from bench.report import columns as c
from bench.report.columns import Column, columns
from bench.report.sections.base import Plot, Section

LINK = Section(
    figure=link.NAME,
    title="A slower way to S3",
    words="One upload to an S3 that answers in 30 ms and carries 80 MB/s a connection. The speed is of 256 MiB from "
    "a client with a faster line. The wait, from the client's last byte to the 204, is of one that sends 60 MB/s: "
    "204, 225 and 246 MiB, whose last parts are half full on the average. Back: a download of the 256 MiB.",
    columns=(
        Column(heading="MB/s", value="bytes_per_s", unit=c.MB_S, case=link.FAST),
        Column(heading="MB/s back", value="bytes_per_s", unit=c.MB_S, case=link.BACK),
        Column(heading="wait, s", value="wait", unit=c.SECONDS, case=link.PACED),
        Column(heading="wait of the fast one, s", value="wait", unit=c.SECONDS, case=link.FAST),
    ),
    plots=(
        Plot(
            file="link-speed",
            title="One upload, 80 MB/s a connection to S3",
            unit=c.MB_S,
            values=("bytes_per_s",),
            cases=(link.FAST,),
        ),
        Plot(
            file="link-wait",
            title="From the last byte to the 204",
            unit=c.SECONDS,
            values=("wait",),
            cases=(link.PACED,),
        ),
    ),
)

SMALL = Section(
    figure=small.NAME,
    title="Small requests",
    words="16 connections, each asks again once it is answered. An upload is a POST with 1 KiB that is complete "
    "with it. `tusd-py` is on SQLite, durable before each answer; CPU is the server's alone, not Redis's.",
    columns=tuple(
        column
        for operation in small.OPERATIONS
        for column in columns(
            operation,
            (f"{operation}/s", "per_s", c.PER_S),
            ("p50, ms", "p50_ms", c.MS),
            ("p99, ms", "p99_ms", c.MS),
            ("CPU, ms", "cpu_ms", c.MS),
        )
    ),
    plots=(Plot(file="small", title="Small requests", unit=c.PER_S, values=("per_s",), cases=small.OPERATIONS),),
)

EVENTS = Section(
    figure=events.NAME,
    title="Events",
    words="Hooks over HTTP, to a receiver in another process that answers at once. The wait is from a client's "
    "response to the call of `post-finish` for its upload of 1 KiB, one upload at a time. Calls a second are those of "
    "one process with 4,000 stored events of 2,000 uploads; CPU is that process's.",
    columns=columns(
        "",
        ("wait, p50, ms", "p50_ms", c.MS),
        ("wait, p99, ms", "p99_ms", c.MS),
        ("calls/s", "per_s", c.PER_S),
        ("CPU a call, ms", "cpu_ms", c.MS),
    ),
)

CROWD = Section(
    figure=crowd.NAME,
    title="A slow crowd",
    words=f"{crowd.COUNT:,} uploads of {crowd.RATE // 1000} KB/s each. `cores` is what they cost the server; then "
    "one upload runs as fast as it goes at the same time, for 8 s. A crowd whose pace is kept is never held up.",
    columns=columns(
        f"{crowd.COUNT}",
        ("fast one alone, MB/s", "alone", c.MB_S),
        ("with them, MB/s", "shared", c.MB_S),
        ("kept", "kept", c.PERCENT),
        ("peak RSS, MiB", "peak_rss", c.MEMORY),
        ("cores", "cores", c.CORES),
        ("pace kept", "pace_kept", c.PERCENT),
    ),
    plots=(
        Plot(
            file="crowd",
            title="A fast upload among 1,000 slow ones: what it keeps of its speed",
            unit=c.PERCENT,
            values=("kept",),
            cases=(f"{crowd.COUNT}",),
        ),
        Plot(
            file="crowd-memory",
            title="Peak memory with 1,000 slow uploads",
            unit=c.MEMORY,
            values=("peak_rss",),
            cases=(f"{crowd.COUNT}",),
        ),
    ),
)

LISTENERS = Section(
    figure=listeners.NAME,
    title="Listeners",
    words=f"{listeners.COUNT:,} listeners of one upload, from 100 addresses, with the header fields of a browser: "
    "server-sent events here, and Companion's WebSocket, whose server tells them of a made-up upload. Memory is RSS "
    "above that of the idle server, for each. The delay runs from the request that changes the upload until a listener "
    "is told; our listeners are told once it is recorded. One client process on the same machine reads all of them. "
    "Then another upload runs as fast as it goes, with the listeners and without.",
    columns=columns(
        f"{listeners.COUNT}",
        ("memory each, KiB", "memory", c.KIB),
        ("delay, p50, ms", "p50_ms", c.MS),
        ("p99, ms", "p99_ms", c.MS),
        ("last, ms", "last_ms", c.MS),
        ("CPU a change, ms", "cpu_ms", c.MS),
        ("upload alone, MB/s", "alone", c.MB_S),
        ("with them, MB/s", "shared", c.MB_S),
        ("CPU a byte, with them to alone", "cost", c.TIMES),
    ),
    plots=(
        Plot(
            file="listeners",
            title="Memory of a listener that waits",
            unit=c.KIB,
            values=("memory",),
            cases=(f"{listeners.COUNT}",),
        ),
    ),
)

IDLE = Section(
    figure=idle.NAME,
    title="Starting, and doing nothing",
    words="From exec to the first answer; memory a second later.",
    columns=(
        Column(heading="start, s", value="start_s", unit=c.SECONDS),
        Column(heading="RSS, MiB", value="idle_rss", unit=c.MEMORY),
    ),
    plots=(
        Plot(file="start", title="Start-up time", unit=c.SECONDS, values=("start_s",)),
        Plot(file="idle", title="Memory of an idle server", unit=c.MEMORY, values=("idle_rss",)),
    ),
)
