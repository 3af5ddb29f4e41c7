"""Runners on simulated machines that crash and stand still, with a state that is away at times: no job is lost, no step
of an attempt comes after the next attempt was recorded (unless its machine had stood still), each job's end is one
event, and the upload that a done job made stays."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.simulation.loop import MACHINE, Machine, SimulatedLoop
from tests.support.events import KEPT
from tests.support.harness import Harness
from tests.support.uploads import upload
from tusd_py.backends.memory.jobs import MemoryJobs
from tusd_py.backends.memory.state import MemoryState
from tusd_py.domain.errors import StateUnavailable
from tusd_py.domain.events import EventType
from tusd_py.domain.job import Job, JobId, JobPhase
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.jobs.attempt import Terms
from tusd_py.jobs.hold import Tenure
from tusd_py.jobs.runner import Runner
from tusd_py.jobs.work import Args, PlainKind, Result, Work
from tusd_py.ports.jobs import JobSelection

TTL = 6.0
_PATIENCE = 3_000.0
_BACK_SECONDS = 1.0


@dataclass(frozen=True)
class Fault:
    """A fault of the machine with the number `machine`, 0 or 1, at the earliest `at` seconds after the start. Its
    `kind` is `crash`, `pause` (the machine stands still for `seconds`) or `cut` (it can't reach the state for
    `seconds`)."""

    at: float
    kind: str
    machine: int
    seconds: float


@dataclass
class World:
    loop: SimulatedLoop
    latency: float
    state: MemoryState = field(default_factory=MemoryState)
    cut_until: list[float] = field(default_factory=lambda: [0.0, 0.0])
    """The loop's time until which each machine is cut off from the state, by the machine's number."""
    steps: list[tuple[JobId, int, float]] = field(default_factory=list)
    """The job, the attempt and the loop's time of each step that a machine took without having stood still before."""
    claims: dict[tuple[JobId, int], float] = field(default_factory=dict)
    """The loop's time at which each attempt was first recorded as running, by its job and number."""
    serving: list[asyncio.Task[None]] = field(default_factory=list)
    stood_still: set[Machine] = field(default_factory=set)

    @property
    def jobs(self) -> MemoryJobs:
        return self.state.jobs


class DistantJobs(MemoryJobs):
    """The job store as one machine reaches it. `load`, `revision`, `due` and `save` take the world's latency (`save`
    twice: there and back), and raise StateUnavailable while the machine is cut off; a `save` that is cut off on the way
    back has been stored."""

    def __init__(self, world: World, machine: int) -> None:
        super().__init__(world.state.outbox)
        self._world, self._machine = world, machine
        self._jobs, self._documents = world.jobs._jobs, world.jobs._documents

    async def load(self, job_id: JobId) -> Job | None:
        await self._travel()
        return await self._world.jobs.load(job_id)

    async def revision(self, job_id: JobId) -> int | None:
        await self._travel()
        return await self._world.jobs.revision(job_id)

    async def save(self, job: Job) -> Job:
        await self._travel()
        saved = await self._world.jobs.save(job)
        if job.phase is JobPhase.RUNNING:
            self._world.claims.setdefault((job.id, job.attempt), self._world.loop.time())
        await self._travel()
        return saved

    async def due(self, now: float, limit: int) -> Sequence[Job]:
        await self._travel()
        return await super().due(now, limit)

    async def _travel(self) -> None:
        await asyncio.sleep(self._world.latency)
        if self._world.loop.time() < self._world.cut_until[self._machine]:
            raise StateUnavailable("away")


async def first_id(work: Work) -> UploadId:
    async with aclosing(work.ids()) as ids:
        return await anext(ids)


class Walk(PlainKind):
    """A kind of job that makes an upload, then takes as many steps, each in 0.7 s, as the job's argument `steps`
    says."""

    def __init__(self, world: World) -> None:
        self._world = world

    def check(self, args: Args) -> Args:
        return args

    async def run(self, work: Work) -> Result:
        upload_id = await first_id(work)
        await work.engine.state.create(replace(upload(), id=upload_id, phase=Phase.DONE))
        for step in range(work.job.args["steps"]):
            await asyncio.sleep(0.7)
            if MACHINE.get() not in self._world.stood_still:
                self._world.steps.append((work.job.id, work.job.attempt, self._world.loop.time()))
            work.hold.report(step, None)
        return {"attempt": work.job.attempt, "upload": upload_id}


def runner(world: World, engine: Engine, machine: int) -> Runner:
    return Runner(
        engine=engine,
        tenure=Tenure(store=DistantJobs(world, machine), clock=world.loop.time, ttl=TTL),
        kinds={"walk": Walk(world)},
        terms=Terms(seconds=1_000.0, attempts=1_000),
        concurrency=2,
        retention=1e9,
    )


async def play(world: World, lengths: Sequence[int], faults: Sequence[Fault]) -> Sequence[Job]:
    """Run one job for each of `lengths`, its number of steps, on two machines with these faults, until 60 s after all
    jobs have ended. Return the jobs. Raises AssertionError if one hasn't ended after 3000 s."""
    engine = replace(Harness(world.state).engine, clock=world.loop.time)
    await world.state.outbox.register([KEPT])
    for number, length in enumerate(lengths):
        new_job = Job(
            id=JobId(f"{number:032x}"), upload_id=None, kind="walk", args={"steps": length}, created_at=0.0,
            updated_at=0.0, due_at=0.0,
        )  # fmt: skip
        await world.jobs.create(new_job)
    machines = [start(world, engine, number) for number in range(2)]
    for fault in sorted(faults, key=lambda fault: fault.at):
        await asyncio.sleep(max(fault.at - world.loop.time(), 0.0))
        if fault.kind == "cut":
            world.cut_until[fault.machine] = world.loop.time() + fault.seconds
        elif fault.kind == "crash":
            machines[fault.machine].crash(noticed=False)
            await asyncio.sleep(_BACK_SECONDS)
            machines[fault.machine] = start(world, engine, fault.machine)
        else:
            world.stood_still.add(machines[fault.machine])
            machines[fault.machine].pause(fault.seconds)
    while any(not job.ended for job in await every(world)):
        await asyncio.sleep(1.0)
        assert world.loop.time() < _PATIENCE, "a job is lost"
    await asyncio.sleep(60.0)  # each machine has heard of it, or given up
    return await every(world)


async def every(world: World) -> Sequence[Job]:
    return await world.jobs.list(JobSelection(), None, 1_000)


def start(world: World, engine: Engine, number: int) -> Machine:
    machine = Machine(world.loop, f"node {number}")

    async def serve() -> None:
        async with runner(world, engine, number).running():
            await asyncio.Event().wait()

    world.serving.append(world.loop.create_task(serve(), context=machine.context))
    return machine


FAULTS = st.builds(
    Fault,
    at=st.floats(0.0, 60.0),
    kind=st.sampled_from(["cut", "crash", "pause"]),
    machine=st.integers(0, 1),
    seconds=st.floats(0.5, 30.0),
)


@settings(max_examples=150)
@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    faults=st.lists(FAULTS, max_size=6),
    latency=st.floats(0.0, 0.5),
)
@example(lengths=[2], faults=[Fault(at=4.0, kind="cut", machine=0, seconds=1.0)], latency=0.4)  # as it ends
def test_no_job_is_lost_and_none_is_done_by_two_at_once(
    lengths: Sequence[int], faults: Sequence[Fault], latency: float
) -> None:
    loop = SimulatedLoop()
    loop.set_exception_handler(lambda *_: None)
    with loop:
        world = World(loop, latency)
        jobs = loop.run_until_complete(play(world, lengths, faults))
        assert [job.phase for job in jobs] == [JobPhase.DONE] * len(lengths)
        results = [job.result or {} for job in jobs]
        assert [result["attempt"] for result in results] == [job.attempt for job in jobs]
        uploads = loop.run_until_complete(world.state.list(None, 1_000))
        assert {result["upload"] for result in results} <= {record.id for record in uploads if record.done}
        events = loop.run_until_complete(world.state.outbox.events(0, 1_000))
        ends = [event.id for event in events if event.type is EventType.JOB]
        assert sorted(ends) == [f"evt_{job.id}_done" for job in jobs]
        for job_id, attempt, at in world.steps:
            assert at <= world.claims.get((job_id, attempt + 1), at), "a step of an attempt after the next one began"
