"""The goals of the benchmarks, and which of them the raw results meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench import systems
from bench.figures import bulk, crowd, events, forms, growth, link, listeners, requests, small, workers
from bench.places import MIB
from bench.report.columns import TIMES, table
from bench.results import Results
from bench.systems.base import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One measured number, None if it wasn't measured, and its limit: the most it may be, with `at_least` the least."""

    label: str
    measured: float | None
    limit: float
    at_least: bool = False
    unit: str = "×"

    @property
    def met(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def __str__(self) -> str:
        if self.measured is None:
            return f"{self.label}: not measured"
        mark = "" if self.met else " ✗"
        return f"{self.label}: {TIMES.show(self.measured)}{self.unit}{mark}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    figure: str
    goal: str
    checks: Sequence[Check]

    def row(self) -> list[str]:
        text = "<br>".join(str(check) for check in self.checks)
        return [self.figure, self.goal, text, self._verdict()]

    def _verdict(self) -> str:
        verdicts = [check.met for check in self.checks]
        if False in verdicts:
            return "**not met**"
        return "not measured" if None in verdicts else "met"


class Goals:
    """The goals of the benchmarks, checked against the raw results."""

    def __init__(self, results: Results) -> None:
        self._results = results

    def table(self) -> str:
        goals = (
            self._cost(),
            self._checksum(),
            self._tls(),
            self._workers(),
            self._link(),
            self._small(),
            self._crowd(),
            self._listeners(),
            self._events(),
            self._forms(),
            self._requests(),
            self._growth(),
        )
        return table(["figure", "goal", "measured", ""], [goal.row() for goal in goals])

    def _cost(self) -> Goal:
        checks = [
            self._ratio(bulk.CPU, f"{words}, {count}", (systems.PLAIN, count), (peer, count), "cpu_per_gib", limit)
            for peer, words, limit in (
                (systems.NGINX, "nginx", 1.4),
                (systems.TUS_NODE, "@tus/server", 1 / 7),
                (systems.TUSD_UNHASHED, "tusd", 1 / 2),
            )
            for count in ("1", "16")
        ]
        goal = "≤ 1.4 × nginx, ≤ 1/7 (0.14) of @tus/server, ≤ 1/2 of tusd with its hashes off"
        return Goal(figure="CPU-s per GiB, 1 and 16 uploads", goal=goal, checks=checks)

    def _checksum(self) -> Goal:
        checks = [
            self._ratio(bulk.CPU, count, (systems.CHECKED, count), (systems.PLAIN, count), "cpu_per_gib", 1.3)
            for count in ("1", "16")
        ]
        return Goal(figure="the same with CRC-32C on each part", goal="≤ 1.3 × without", checks=checks)

    def _tls(self) -> Goal:
        checks = [
            self._ratio(bulk.TLS, f"nginx, {count}", (systems.PLAIN, count), (systems.NGINX, count), "cpu_per_gib", 1.5)
            for count in ("1", "16")
        ]
        return Goal(figure="the same with TLS to S3", goal="≤ 1.5 × nginx with a TLS upstream", checks=checks)

    def _workers(self) -> Goal:
        two, one = (systems.TWO, workers.CASE), (systems.PLAIN, workers.CASE)
        checks = [self._ratio(workers.NAME, "1 worker", two, one, "gib_per_s", 1.7, at_least=True)]
        peers = (self._median(bulk.CPU, peer, "16", "gib_per_s") for peer in (*systems.ON_S3, *systems.ON_DISK))
        best = max((peer for peer in peers if peer), default=None)
        speed = self._median(bulk.CPU, systems.TWO, "16", "gib_per_s")
        checks.append(Check(label="fastest peer", measured=_divided(speed, best), limit=1, at_least=True))
        return Goal(figure="GiB/s, 16 uploads, 2 workers", goal="≥ 1.7 × 1 worker, and above each peer", checks=checks)

    def _link(self) -> Goal:
        paced, fast, plain = link.PACED, link.FAST, systems.PLAIN
        checks = [
            self._ratio(link.NAME, "tusd's wait", (plain, paced), (systems.TUSD, paced), "wait", 0.5),
            self._ratio(
                link.NAME, "one connection", (plain, fast), (systems.NGINX, fast), "bytes_per_s", 3, at_least=True
            ),
        ]
        goal = "≤ 1/2 of tusd's wait; ≥ 3 × one connection's speed"
        return Goal(figure="last byte to 204, and speed, over the slow link", goal=goal, checks=checks)

    def _small(self) -> Goal:
        case = "upload"
        checks = [
            self._ratio(small.NAME, peer.name, (systems.PLAIN, case), (peer, case), "per_s", 3, at_least=True)
            for peer in (systems.TUSD, systems.TUS_NODE)
        ]
        return Goal(figure="1 KiB uploads a second, SQLite", goal="≥ 3 × tusd and @tus/server, on S3", checks=checks)

    def _crowd(self) -> Goal:
        case = f"{crowd.COUNT}"
        rss = self._median(crowd.NAME, crowd.TUSD_PY, case, "peak_rss")
        share = self._median(crowd.NAME, crowd.TUSD_PY, case, "kept")
        checks = [
            Check(label="RSS", measured=_divided(rss, MIB), limit=350, unit=" MiB"),
            Check(label="kept", measured=_divided(share, 0.01), limit=70, at_least=True, unit=" %"),
        ]
        goal = "RSS ≤ 350 MiB; a fast one among them keeps ≥ 70 %"
        return Goal(figure="1,000 slow uploads, 128 MiB budget", goal=goal, checks=checks)

    def _listeners(self) -> Goal:
        case, system = f"{listeners.COUNT}", listeners.TUSD_PY
        memory = self._median(listeners.NAME, system, case, "memory")
        checks = [
            Check(label="each", measured=_divided(memory, 1024), limit=20, unit=" KiB"),
            Check(label="p99", measured=self._median(listeners.NAME, system, case, "p99_ms"), limit=1000, unit=" ms"),
            Check(label="CPU a byte", measured=self._median(listeners.NAME, system, case, "cost"), limit=1.05),
        ]
        goal = "≤ 20 KiB each; p99 of a change ≤ 1 s; an upload at the same time costs ≤ 1.05 × what it does alone"
        return Goal(figure=f"{listeners.COUNT:,} listeners of one upload", goal=goal, checks=checks)

    def _events(self) -> Goal:
        checks = [
            Check(label=name, measured=self._results.median(events.NAME, name, "", "p50_ms"), limit=50, unit=" ms")
            for name in (events.SQLITE, events.REDIS)
        ]
        return Goal(figure="the client's response to post-finish, p50", goal="≤ 50 ms", checks=checks)

    def _forms(self) -> Goal:
        system, cases = forms.SYSTEM, [case for case in forms.CASES if case != forms.PUT]
        checks = [
            self._ratio(forms.NAME, case, (system, case), (system, forms.PUT), "cpu_per_gib", 1.5) for case in cases
        ]
        return Goal(figure="CPU-s per GiB, a file in a form", goal="≤ 1.5 × the same by PUT", checks=checks)

    def _requests(self) -> Goal:
        stateless, value = requests.STATELESS, "requests"
        limits = (("creation", 0.0), ("POST with 1 MiB", 1.0), ("128 MiB in one PATCH", 18.0))
        checks = [
            Check(label=case, measured=self._median(requests.NAME, stateless, case, value), limit=limit, unit="")
            for case, limit in limits
        ]
        written = [sample.values["written"] for sample in self._results.of(requests.NAME, stateless.name)]
        checks.append(Check(label="bytes of disk", measured=max(written, default=None), limit=0, unit=""))
        return Goal(figure="S3 requests, local disk", goal="0, 1 and 18 requests; no disk", checks=checks)

    def _growth(self) -> Goal:
        checked, first, last = systems.CHECKED, "1 GiB", "16 GiB"
        few, many = (f"{growth.PARTS[index]}" for index in (0, -1))
        checks = [
            self._ratio(growth.NAME, "16 GiB to 1 GiB", (checked, last), (checked, first), "cpu_per_gib", 1.1),
            self._ratio(
                growth.SAVES, f"save {many} to {few}", (systems.PLAIN, many), (systems.PLAIN, few), "cpu_us", 1.1
            ),
        ]
        goal = "CPU per GiB at 16 GiB within 10 % of that at 1 GiB; a save as cheap"
        return Goal(figure="growth", goal=goal, checks=checks)

    def _ratio(
        self,
        figure: str,
        label: str,
        numerator: tuple[System, str],
        denominator: tuple[System, str],
        value: str,
        limit: float,
        *,
        at_least: bool = False,
    ) -> Check:
        measured = _divided(self._median(figure, *numerator, value), self._median(figure, *denominator, value))
        return Check(label=label, measured=measured, limit=limit, at_least=at_least)

    def _median(self, figure: str, system: System, case: str, value: str) -> float | None:
        return self._results.median(figure, system.name, case, value)


def _divided(numerator: float | None, denominator: float | None) -> float | None:
    return None if numerator is None or not denominator else numerator / denominator
