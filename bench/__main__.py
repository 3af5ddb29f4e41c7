"""`python -m bench`: installs missing peers, measures, keeps the raw results, and writes docs/benchmarks.md with its
plots; with `--render`, only writes."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import machine
from bench.bench import Bench
from bench.fetch import fetch_all
from bench.figures import FIGURES, Figure
from bench.places import RESULTS
from bench.report.page import write
from bench.results import Results, read


def main() -> None:
    options = _arguments()
    if not options.render:
        fetch_all()
        measure(options)
    write(read(RESULTS))


def measure(options: argparse.Namespace) -> None:
    """Measure the chosen figures and write them to the file of raw results (`RESULTS`). With `--only`, the file keeps
    its other figures; without, it is replaced, so that after `--quick` it has no figures without a goal."""
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))  # a thousand clients have a thousand sockets
    results = read(RESULTS) if options.only and RESULTS.exists() else Results()
    results.machine = machine.about(quick=options.quick)
    for name in options.only:
        results.forget(name)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.directory) as directory:
        bench = Bench(quick=options.quick, directory=Path(directory), results=results)
        ends_at = time.monotonic() + 60 * options.minutes
        for bench.round, name in _rounds(options):
            if bench.round and time.monotonic() > ends_at:
                results.machine["rounds"] = f"{bench.round} of all figures, and more of some: then time was up"
                break
            FIGURES[name].measure(bench)
            results.write(RESULTS)
        results.write(RESULTS)


def _rounds(options: argparse.Namespace) -> Iterator[tuple[int, str]]:
    """Yield the number of a round, from 0, and the name of a figure: first round 0 of all figures of this run, then
    round 1 of those that have one, and so on, so that the measurements of each figure are spread over the whole
    time."""
    counts = {name: _count(options, FIGURES[name]) for name in options.only or FIGURES}
    for number in range(max(counts.values())):
        yield from ((number, name) for name, count in counts.items() if number < count)


def _count(options: argparse.Namespace, figure: Figure) -> int:
    usual = figure.quick if options.quick else figure.rounds
    if options.only:
        usual = usual or figure.rounds
    return min(usual, options.reps or usual)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", type=_figures, default=[], help=f"figures, with commas: {','.join(FIGURES)}")
    parser.add_argument("--quick", action="store_true", help="the figures of the goals, with fewer bytes and rounds")
    parser.add_argument("--reps", type=int, help="at most so many rounds of each figure")
    parser.add_argument("--minutes", type=float, help="after which no further round is begun")
    parser.add_argument("--directory", help="where servers keep files: on a real disk")
    parser.add_argument("--render", action="store_true", help="measure nothing: write the page from the raw results")
    options = parser.parse_args()
    options.minutes = options.minutes or (7 if options.quick else 40)
    return options


def _figures(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(FIGURES):
        raise argparse.ArgumentTypeError(f"no such figure: {', '.join(unknown)}")
    return names


if __name__ == "__main__":
    main()
