"""The load clients as processes, and their reports."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any

from bench.places import ROOT
from bench.process import end
from devtools.part import mortal

TIMEOUT = 90.0


class LoadFailed(RuntimeError):
    """A load client failed. The message is its last line on standard error, or its exit code if it wrote none there;
    or, for one that `prepared` runs, that it failed to start or ended without a report."""


def load(module: str, url: str, **options: object) -> dict[str, Any]:
    """Run `bench.load.MODULE` with these options as flags; return its report. Raises LoadFailed; TimeoutExpired after
    90 s."""
    done = subprocess.run(command(module, url, **options), cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode:
        raise LoadFailed(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"code {done.returncode}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@contextmanager
def prepared(module: str, url: str, **options: object) -> Iterator[Callable[[], dict[str, Any]]]:
    """Run `bench.load.MODULE`, which measures only when told to, with these options as flags until it is ready to
    measure; yield a function that lets it measure and returns its report. The process is killed when the
    context ends. Entering the context raises LoadFailed if the process doesn't become ready, and the function if it
    ends without a report (BrokenPipeError if it ended before the call)."""
    process = subprocess.Popen(command(module, url, **options), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None

    def measure(commands: IO[bytes], reports: IO[bytes]) -> dict[str, Any]:
        commands.write(b"\n")
        commands.flush()
        if not (line := reports.readline()):
            raise LoadFailed(f"{module} ended without a report")
        report: dict[str, Any] = json.loads(line)
        return report

    try:
        if process.stdout.readline() != b"ready\n":
            raise LoadFailed(f"{module} failed to start")
        yield partial(measure, process.stdin, process.stdout)
    finally:
        end(process)


def command(module: str, url: str, **options: object) -> tuple[str, ...]:
    """Return the command that runs `bench.load.MODULE`."""
    flags = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    return mortal(sys.executable, "-m", f"bench.load.{module}", url, *flags)
