"""The assembly of jobs from settings: the module that knows every kind of jobs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from tusd_py.config import LocalDirectory, S3Bucket, Settings
from tusd_py.config.job_kinds import COMMAND
from tusd_py.domain.job import EXPORT
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.engine.engine import Engine
from tusd_py.events_out.deliverer import Deliverer
from tusd_py.jobs.archive import ArchiveLimits
from tusd_py.jobs.attempt import Terms
from tusd_py.jobs.hold import Tenure
from tusd_py.jobs.kinds.checksum import Checksum
from tusd_py.jobs.kinds.command import Command
from tusd_py.jobs.kinds.copy import Copy, Target
from tusd_py.jobs.kinds.scan import ScanContent
from tusd_py.jobs.on_finish import NAME, JobOnFinish, JobSink, subscription
from tusd_py.jobs.runner import Runner
from tusd_py.jobs.service import JobService
from tusd_py.jobs.targets.bucket import BucketTarget
from tusd_py.jobs.targets.folder import FolderTarget
from tusd_py.jobs.work import Kind
from tusd_py.ports.outbox import Subscription
from tusd_py.server.event_wiring import facts_reader, lane
from tusd_py.server.extras import importing
from tusd_py.server.scanner_wiring import scanner
from tusd_py.server.wiring import s3_options


def job_subscriptions(settings: Settings) -> Sequence[Subscription]:
    """Return the subscription to the events that cancel jobs and, with `jobs_on_finish`, begin them; empty if neither
    `jobs` nor `jobs_on_finish` is set."""
    return [subscription(on_finish=bool(settings.jobs_on_finish))] if settings.has_jobs else []


@asynccontextmanager
async def doing_jobs(settings: Settings, engine: Engine) -> AsyncIterator[JobService | None]:
    """Run jobs, and begin and cancel jobs on events, until the end of the context; yield the service for requests about
    jobs. If neither `jobs` nor `jobs_on_finish` is set, run nothing and yield None.

    Raises ConfigurationError, also if the libraries for archives are missing.
    """
    if not settings.has_jobs:
        yield None
        return
    runner = Runner(
        engine=engine,
        tenure=Tenure(store=engine.state.jobs, clock=engine.clock, ttl=settings.lock_ttl),
        kinds=dict(_kinds(settings, engine)),
        terms=Terms(seconds=settings.jobs_timeout, attempts=settings.jobs_attempts),
        concurrency=settings.jobs_concurrency,
        retention=settings.jobs_retention,
    )
    service = JobService(engine=engine, runner=runner)
    async with runner.running(), _listening(settings, engine, service).running():
        yield service


def _target(settings: Settings, engine: Engine, place: LocalDirectory | S3Bucket) -> Target:
    """Return the target that writes copies to the place. A bucket is reached with the S3 settings of `storage`,
    such as the endpoint.
    """
    if isinstance(place, LocalDirectory):
        return FolderTarget(place.path, settings.file_mode)
    return BucketTarget(options=s3_options(settings, place), meter=engine.meter)


def _listening(settings: Settings, engine: Engine, service: JobService) -> Deliverer:
    """Return the deliverer of events to the sink that begins and cancels jobs; it delivers nothing if the state has no
    outbox."""
    if (outbox := engine.state.outbox) is None:
        return Deliverer([], 0.0)
    sink = JobSink(
        service, [_on_finish(word) for word in settings.jobs_on_finish], facts_reader(settings, engine).endpoint
    )
    return Deliverer([lane(settings, engine, outbox, None, NAME, sink, DEFAULT.deliveries)], settings.shutdown_timeout)


def _on_finish(word: str) -> JobOnFinish:
    """Return the job that a word of `jobs_on_finish` names, with its default arguments; for `command:NAME`, a job of
    the kind `command` with the argument `name`."""
    if word.startswith(COMMAND):
        return JobOnFinish(kind="command", args={"name": word.removeprefix(COMMAND)})
    return JobOnFinish(kind=word, args=Checksum().check({}) if word == "checksum" else {})


def _kinds(settings: Settings, engine: Engine) -> Iterator[tuple[str, Kind]]:
    yield "checksum", Checksum()
    if settings.jobs_dir is not None:
        yield "command", Command(settings.jobs_dir, os.environ)
    if (clamd := scanner(settings, engine.observer)) is not None:
        yield "scan", ScanContent(clamd)
    if settings.jobs_copy_to:
        yield "copy", Copy({str(place): _target(settings, engine, place) for place in settings.jobs_copy_to})
    with importing("jobs", "stream-unzip or stream-zip", "jobs"):
        from tusd_py.jobs.kinds.export import Export  # noqa: PLC0415  an extra
        from tusd_py.jobs.kinds.unzip import Unzip  # noqa: PLC0415  an extra
    limits = ArchiveLimits(
        members=settings.unzip_max_members, size=settings.unzip_max_size, ratio=settings.unzip_max_ratio
    )
    yield "unzip", Unzip(limits)
    yield EXPORT, Export()
