"""The sections on large uploads and downloads."""

from __future__ import annotations

from bench.figures import bulk, download, forms, real, workers
from bench.report import columns as c
from bench.report.columns import cases
from bench.report.sections.base import Plot, Section

_COUNTS = ("1", "4", "16")
_AT_A_TIME = "{} at a time"
_DOWNLOADS = tuple(download.CASES)


def _at(words: str) -> str:
    return f"CPU-s/GiB, {words}"


def _speed(words: str) -> str:
    return f"GiB/s, {words}"


CPU = Section(
    figure=bulk.CPU,
    title="What a byte costs",
    words="1, 4 and 16 uploads at a time, 1 GiB together (a quarter of that for the slow ones), after as much to warm "
    "up; plain HTTP on both sides, into the sink. `tusd-py` keeps each part for replay and sends no checksum; `crc32c` "
    "is what it does by default on AWS. nginx is shown as `proxy_request_buffering off` leaves it, and with buffers of "
    "256 KiB. Disk is bytes written for each byte uploaded.",
    columns=(
        *cases(_at, "cpu_per_gib", c.CPU, *_COUNTS),
        *cases(_speed, "gib_per_s", c.SPEED, *_COUNTS),
        *cases(lambda n: f"peak RSS, {n}, MiB", "peak_rss", c.MEMORY, "1", "16"),
        *cases(lambda _: "disk", "written_per_byte", c.TIMES, "16"),
    ),
    plots=(
        Plot(
            file="cpu",
            title="Server CPU a GiB uploaded",
            unit=c.CPU,
            values=("cpu_per_gib",),
            cases=_COUNTS,
            legend=_AT_A_TIME,
        ),
        Plot(file="speed", title="Upload speed", unit=c.SPEED, values=("gib_per_s",), cases=_COUNTS, legend=_AT_A_TIME),
        Plot(file="memory", title="Peak memory", unit=c.MEMORY, values=("peak_rss",), cases=_COUNTS, legend=_AT_A_TIME),
    ),
)

FORMS = Section(
    figure=forms.NAME,
    title="Forms",
    words="One file of 512 MiB at a time, by PUT and in a form, into the sink. Line ends and near boundaries are files "
    "of nothing but `\\r\\n`, and of nothing but the beginning of the form's boundary: what a parser has to look at.",
    columns=(
        *cases(lambda case: f"CPU-s/GiB, {case}", "cpu_per_gib", c.CPU, *forms.CASES),
        *cases(lambda case: f"GiB/s, {case}", "gib_per_s", c.SPEED, *forms.CASES),
    ),
)

CORES = Section(
    figure=f"{bulk.CPU}-cores",
    title="Who had the cores meanwhile",
    words="In the runs above, with 16 uploads: cores that the server used, that client and sink used together, and "
    "that went to everything else on the machine. Where they add up to all cores there are, the speeds above are "
    "the machine's limit and not the server's.",
    columns=(
        *cases(lambda _: "server", "cores", c.CORES, "16"),
        *cases(lambda _: "client and sink", "load_cores", c.CORES, "16"),
        *cases(lambda _: "others", "other_cores", c.CORES, "16"),
    ),
)

WORKERS = Section(
    figure=workers.NAME,
    title="A second worker",
    words="16 clients that send one upload of 16 MiB after another into the sink. Each worker may use "
    f"{workers.SHARE:g} of a core (a control group sees to that), so that client and sink never lack one: without it, "
    "two workers and what feeds them want more cores than this machine has.",
    columns=(
        *cases(lambda _: "GiB/s", "gib_per_s", c.SPEED, workers.CASE),
        *cases(lambda _: "server", "cores", c.CORES, workers.CASE),
        *cases(lambda _: "client and sink", "load_cores", c.CORES, workers.CASE),
        *cases(lambda _: "others", "other_cores", c.CORES, workers.CASE),
    ),
)

TLS = Section(
    figure=bulk.TLS,
    title="TLS to S3",
    words="The same, where the sink speaks TLS 1.3 (and pays for its own end). All verify its certificate.",
    columns=(
        *cases(_at, "cpu_per_gib", c.CPU, *_COUNTS),
        *cases(_speed, "gib_per_s", c.SPEED, *_COUNTS),
    ),
    plots=(
        Plot(
            file="tls",
            title="Server CPU a GiB, TLS to S3",
            unit=c.CPU,
            values=("cpu_per_gib",),
            cases=_COUNTS,
            legend=_AT_A_TIME,
        ),
    ),
)

DOWNLOAD = Section(
    figure=download.NAME,
    title="Downloads",
    words="GET of one object, whole or in ranges of 8 MiB one after another, by 1 or 4 clients. @tus/server knows "
    "no ranges.",
    columns=(
        *cases(_at, "cpu_per_gib", c.CPU, *_DOWNLOADS),
        *cases(_speed, "gib_per_s", c.SPEED, *_DOWNLOADS),
    ),
    plots=(
        Plot(
            file="download",
            title="Server CPU a GiB downloaded",
            unit=c.CPU,
            values=("cpu_per_gib",),
            cases=_DOWNLOADS,
        ),
    ),
)

REAL = Section(
    figure=real.NAME,
    title="A real S3",
    words="256 MiB in 1 and 4 uploads into SeaweedFS on the same machine, which takes most of it.",
    columns=(
        *cases(_at, "cpu_per_gib", c.CPU, "1", "4"),
        *cases(_speed, "gib_per_s", c.SPEED, "1", "4"),
    ),
    plots=(
        Plot(
            file="real",
            title="Server CPU a GiB uploaded, SeaweedFS",
            unit=c.CPU,
            values=("cpu_per_gib",),
            cases=("1", "4"),
            legend=_AT_A_TIME,
        ),
    ),
)
