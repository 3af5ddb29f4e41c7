"""One process of the server: the real code, connected to the shared services by the simulated network."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from botocore.credentials import ReadOnlyCredentials

from tests.simulation.crew import Crew
from tests.simulation.jobs import SimulatedJobs
from tests.simulation.loop import Machine
from tests.simulation.s3 import BUCKET, SimulatedBoto, SimulatedRaw
from tests.simulation.shared import SimulatedLocker, SimulatedState
from tests.simulation.telling import SimulatedOutbox, Teller
from tusd_py.domain.limits import Limits
from tusd_py.engine.engine import Engine
from tusd_py.engine.pairing import PairedState
from tusd_py.ports.meter import Meter
from tusd_py.storage.s3.api.client import S3Client
from tusd_py.storage.s3.api.presign import Presigner
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.buckets import Buckets
from tusd_py.storage.s3.options import S3Options
from tusd_py.storage.s3.storage import S3Storage
from tusd_py.storage.s3.tails import TailCache
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.read_ahead import ReadAhead

if TYPE_CHECKING:
    from tests.simulation.setup import Setup
    from tests.simulation.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    machine: Machine
    engine: Engine
    budget: Budget
    tails: TailCache
    teller: Teller
    crew: Crew


def start(world: World, name: str) -> Node:
    machine, setup = Machine(world.loop, name), world.setup
    budget = Budget(setup.budget)
    tails = TailCache(budget)
    outbox = SimulatedOutbox(world.network, world.records.outbox, world.receiver, setup)
    jobs = SimulatedJobs(world.network, world.records.jobs, world.ledger)
    engine = Engine(
        storage=_storage(world, budget, tails),
        state=SimulatedState(world.network, world.records, world.free, outbox, jobs, world.commit),
        locker=SimulatedLocker(world.network, world.rows, machine),
        limits=Limits(expire_after=setup.expire_after, max_length=setup.max_length, answers_gone=setup.remembers_ended),
        observer=world.troubles,
        clock=world.now,
        new_id=world.new_id,
        base_path="/files/",
        thresholds=setup.thresholds,
    )
    if setup.paired:
        engine = replace(engine, state=PairedState(engine))
    crew = Crew(world, engine, machine)
    teller = Teller(world, outbox, crew.sinks)
    return Node(machine=machine, engine=crew.engine, budget=budget, tails=tails, teller=teller, crew=crew)


def _storage(world: World, budget: Budget, tails: TailCache) -> S3Storage:
    return S3Storage(Buckets(_bucket(world, budget, tails)), AsyncExitStack())


async def _credentials() -> ReadOnlyCredentials:
    return ReadOnlyCredentials("key", "secret", None)


def _bucket(world: World, budget: Budget, tails: TailCache) -> Bucket:
    boto = SimulatedBoto(world.network, world.bucket, world.now, listed=world.setup.listed)
    raw = SimulatedRaw(world.network, world.bucket, world.now)
    low = world.setup.thresholds
    client = S3Client(cast(Any, boto), cast(Any, raw), BUCKET, Meter(), thresholds=low)
    return Bucket(
        client=client,
        presigner=Presigner(bucket=BUCKET, base="http://s3.invalid", region="any", credentials=_credentials),
        options=_options(world.setup),
        budget=budget,
        tails=tails,
        ahead=ReadAhead(budget, low),
        thresholds=low,
        segments=asyncio.Semaphore(low.segments_at_a_time),
        fetches=asyncio.Semaphore(low.fetches),
    )


def _options(setup: Setup) -> S3Options:
    return S3Options(
        bucket=BUCKET,
        profile=setup.profile,
        part_size=setup.part_size,
        concurrency=setup.concurrency,
        info_objects=setup.info_objects,
    )
