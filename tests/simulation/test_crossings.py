"""A few hundred simulated runs are on both sides of each threshold (`Thresholds`) and of each limit of parts and
listings that an S3 provider or a setup has (`OF_A_PROVIDER`). The exceptions are thresholds that these runs don't
reach: of commands and old events, of the size of pages, of the dashboard and of a local disk (`OF_EVENTS` and the next
three)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from random import Random
from typing import Any, Literal, Self
from unittest.mock import patch

from tests.simulation.bucket import MIN_PART
from tests.simulation.generated import at_some_kind, drawn
from tests.simulation.network import Plan
from tests.simulation.program import Program, Straight
from tests.simulation.run import play
from tests.simulation.setup import LOW, Setup
from tests.simulation.shared import SimulatedState
from tests.simulation.telling import SimulatedOutbox
from tusd_py.domain.thresholds import Thresholds
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.domain.usage import reserve
from tusd_py.engine import records
from tusd_py.ports.outbox import Delivery
from tusd_py.storage.s3 import concatenation
from tusd_py.storage.s3.api.client import S3Client
from tusd_py.storage.s3.concat_plan import PlannedPart, plan_parts
from tusd_py.storage.s3.options import Profile

SEEDS = range(200)
FAULTS = ("broken", "failing")
"""The faults in these runs, by their names in tests/simulation/network.py: `broken` fails one request, so that a retry
helps; `failing` fails each request for the same operation for 45 s, so that no retry in that time helps."""
DIRECT = Program(tracks=(Straight(length=29),))
"""A program whose client asks for the stored parts of its upload, as few generated programs do."""
OF_EVENTS = {"event_page", "pruned"}
"""The thresholds of commands, of the feed's pages and of the removal of old events, which aren't simulated here:
tests/contracts/test_outbox_operators.py tests pages and removal."""
OF_PAGES = {"page_size"}
"""The threshold that ends a page of jobs, events or deliveries by its characters of JSON, which the small records of
the simulation don't reach: tests/contracts/test_jobs.py and tests/contracts/test_feed.py test low ones."""
OF_LISTENERS = {"recent_events"}
"""The threshold of the dashboard, which isn't simulated: tests/contracts/engine/test_listing.py tests a low one."""
OF_A_DISK = {field.name for field in fields(Thresholds) if field.name.startswith("disk_")}
"""The thresholds of a local disk, which isn't simulated: the tests of storages open one with low thresholds
(`LOW_DISK`)."""
OF_A_PROVIDER = {"part_size", "max_part", "min_part", "concurrency", "listed"}

Seen = defaultdict[str, set[bool]]
"""The results of the comparisons with each number, and of the checks in `seams`, by the name of the number: both True
and False once its uses were on both sides of it."""


class Watched(int):
    """An integer that records in `crossings`, under its `name`, the result of each comparison with it; for `!=`, that
    of `==`."""

    def __new__(cls, value: int, name: str, crossings: Seen) -> Self:
        watched_number = super().__new__(cls, value)
        watched_number.name, watched_number.crossings = name, crossings
        return watched_number

    name: str
    crossings: Seen

    def _compared(self, how: Literal["__lt__", "__le__", "__gt__", "__ge__", "__eq__"], value: object) -> bool:
        result: bool = getattr(int, how)(int(self), value)
        self.crossings[self.name].add(result)
        return result

    def __lt__(self, value: int) -> bool:
        return self._compared("__lt__", value)

    def __le__(self, value: int) -> bool:
        return self._compared("__le__", value)

    def __gt__(self, value: int) -> bool:
        return self._compared("__gt__", value)

    def __ge__(self, value: int) -> bool:
        return self._compared("__ge__", value)

    def __eq__(self, value: object) -> bool:
        return self._compared("__eq__", value)

    def __ne__(self, value: object) -> bool:
        return not self == value

    __hash__ = int.__hash__

    def __deepcopy__(self, _: object) -> int:
        """Return a plain int, so that comparisons with a deep copy of an object that holds this number record
        nothing."""
        return int(self)


class Gate(asyncio.Semaphore):
    """A semaphore that, if its limit is a `Watched` number, records in the `crossings` of that number, at each acquire,
    True if the task has to wait, else False."""

    def __init__(self, value: int = 1) -> None:
        super().__init__(int(value))
        self._limit = value

    async def acquire(self) -> Literal[True]:
        if isinstance(self._limit, Watched):
            self._limit.crossings[self._limit.name].add(self.locked())
        return await super().acquire()


def watched(setup: Setup, crossings: Seen) -> Setup:
    """Return the setup with the low thresholds of tests/simulation/setup.py (`LOW`) instead of those that it had. They
    and the setup's `part_size`, `max_part`, `concurrency` and `listed` are `Watched` numbers, which record comparisons
    in `crossings`."""
    low = {field.name: Watched(getattr(LOW, field.name), field.name, crossings) for field in fields(Thresholds)}
    chosen: dict[str, Any] = {
        name: Watched(getattr(setup, name), name, crossings) for name in OF_A_PROVIDER - {"min_part"}
    }
    return replace(setup, thresholds=Thresholds(**low), **chosen)


@contextmanager
def seams(crossings: Seen) -> Iterator[None]:
    """Until the context ends, record in `crossings` also what the `Watched` numbers of a setup don't show: if a limit
    is reached (True) or not (False) where the code hands the number on, to a store, a library or a semaphore; and the
    results of comparisons with `min_part`, the least size of a part, which is no field of a setup."""
    with (
        seams_of_pages(crossings),
        seams_of_storage(crossings),
        patch("asyncio.Semaphore", Gate),
        patch("tests.simulation.setup.MIN_PART", Watched(MIN_PART, "min_part", crossings)),
    ):
        yield


@contextmanager
def seams_of_pages(crossings: Seen) -> Iterator[None]:
    """Until the context ends, record in `crossings`, for each loaded list of uploads, True if it is as long as its
    limit, else False; for each one of due deliveries, True if it is as long as the threshold `deliveries`, else
    False."""
    due, listed, due_deliveries = SimulatedState.due, SimulatedState.list, SimulatedOutbox.due

    async def watched_due(self: SimulatedState, now: float, limit: int) -> Sequence[UploadId]:
        uploads = await due(self, now, limit)
        crossings["due"].add(len(uploads) == limit)
        return uploads

    async def watched_list(self: SimulatedState, after: UploadId | None, limit: int) -> Sequence[Upload]:
        uploads = await listed(self, after, limit)
        crossings["page"].add(len(uploads) == limit)
        return uploads

    async def watched_deliveries(self: SimulatedOutbox, *of: Any, strict: bool) -> Sequence[Delivery]:
        deliveries = await due_deliveries(self, *of, strict=strict)
        crossings["deliveries"].add(len(deliveries) == LOW.deliveries)
        return deliveries

    with (
        patch.object(SimulatedState, "due", watched_due),
        patch.object(SimulatedState, "list", watched_list),
        patch.object(SimulatedOutbox, "due", watched_deliveries),
    ):
        yield


@contextmanager
def seams_of_storage(crossings: Seen) -> Iterator[None]:
    """Until the context ends, record True or False in `crossings`: for each deletion, True if it has more keys than one
    request takes; for each final upload, if it is copied in more parts than it has partial uploads; for each computed
    reservation, if its upload has more bytes than one block."""
    delete = S3Client.delete

    async def watched_delete(self: S3Client, keys: Any) -> None:
        keys = list(keys)
        crossings["deletions"].add(len(keys) > LOW.deletions)
        await delete(self, keys)

    def watched_plan(lengths: Sequence[int], profile: Profile, thresholds: Thresholds) -> list[PlannedPart]:
        plan = plan_parts(lengths, profile, thresholds)
        crossings["equal_copy" if profile.equal_parts else "copy"].add(len(plan) > len(lengths))
        return plan

    def watched_reserve(upload: Upload, block: int, limit: int | None) -> Upload:
        crossings["reservation"].add(upload.offset > LOW.reservation)
        return reserve(upload, int(block), limit)

    with (
        patch.object(S3Client, "delete", watched_delete),
        patch.object(concatenation, "plan_parts", watched_plan),
        patch.object(records, "reserve", watched_reserve),
    ):
        yield


def crossed() -> Seen:
    """Return the results that are recorded (`Seen`) in runs of 200 generated programs, each run once without a fault
    and once with one of `FAULTS`, and of `DIRECT`, run without a fault and with each of `FAULTS` when it lists
    parts."""
    crossings = Seen(set)
    with seams(crossings):
        for seed in SEEDS:
            dice = Random(seed)
            program = drawn(dice, calm=False)
            steps = _play(program, crossings, {})
            _play(program, crossings, {at_some_kind(dice, steps): dice.choice(FAULTS)})
        listing = _play(DIRECT, crossings, {}).index("B2 s3.list_parts")
        for fault in FAULTS:
            _play(DIRECT, crossings, {listing: fault})
    return crossings


def _play(program: Program, crossings: Seen, plan: Plan) -> Sequence[str]:
    watched_program = Program(tracks=program.tracks, setup=watched(program.setup, crossings))
    return play(watched_program.scenario(), repr(program), plan)


def test_a_few_runs_are_on_both_sides_of_every_number() -> None:
    crossings = crossed()
    names = {
        field.name for field in fields(Thresholds)
    } - OF_A_DISK - OF_EVENTS - OF_PAGES - OF_LISTENERS | OF_A_PROVIDER
    one_sided = {name: crossings[name] for name in names if crossings[name] != {True, False}}
    assert one_sided == {}, "lower it in tests/simulation/setup.py, or draw what passes it"
