"""The operations of commands, also while a server runs: reading and removing uploads, checks and repair."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from tusd_py.config import Settings
from tusd_py.config.addresses import Address, reachable_addresses
from tusd_py.config.openness import exposures
from tusd_py.domain.errors import ConfigurationError, StateUnavailable, Unavailable
from tusd_py.domain.events import Reason
from tusd_py.domain.installation import Installation
from tusd_py.domain.refusals import UploadNotFound
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.direct import access
from tusd_py.engine.engine import Engine
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.garbage_collection import collect_garbage
from tusd_py.engine.installation import Snapshot, force_pair, grace_period_end, reconcile, take_snapshot
from tusd_py.engine.repair import Mended, repair
from tusd_py.engine.terminate import terminate
from tusd_py.ports.direct import CorsAccess, CorsRule
from tusd_py.ports.inspection import Leftover
from tusd_py.ports.questions import DeferredQuestions
from tusd_py.protocol.links import ReadLinks
from tusd_py.server.wiring import open_engine, open_unpaired
from tusd_py.storage.s3.cors import joined, missing, needed, origins_of
from tusd_py.transfer.budget import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of one check: what was checked, if it passed, and details for the operator."""

    name: str
    ok: bool
    detail: str = ""


class Operator:
    """The engine with an operator's rights: finished uploads may be terminated, and no hook is asked."""

    def __init__(self, engine: Engine, links: ReadLinks) -> None:
        self._links = links
        rights = replace(engine.limits, terminates_finished=True)
        self._engine = replace(engine, limits=rights, questions=DeferredQuestions())

    async def uploads(self, after: UploadId | None, limit: int) -> Sequence[Upload]:
        """Return up to `limit` uploads with ids greater than `after` (None: from the first), by id. Raises
        StateUnavailable."""
        return await self._engine.state.list(after, limit)

    async def show(self, upload_id: UploadId) -> Upload:
        """Return the upload. Raises UploadNotFound, StateUnavailable."""
        upload = await self._engine.state.load(upload_id)
        if upload is None:
            raise UploadNotFound
        return upload

    def link(self, upload: Upload) -> str | None:
        """Return the path of the reading link, below the creation endpoint; None if the upload can't be read, or
        downloads are disabled.
        """
        return self._links.path(upload) if self._engine.limits.downloads else None

    async def terminate(self, upload_id: UploadId) -> None:
        """End the upload, whether it is finished or not, and remove its bytes; a sweep removes later what can't be
        removed now. Raises Refusal (also if it is expired, or has ended already), Locked, Superseded,
        StateUnavailable."""
        await terminate(self._engine, upload_id, Reason.OPERATOR)

    async def expire(self) -> int:
        """Run one sweep, which removes expired uploads, and return the number of uploads ended as expired. Raises
        Unavailable.
        """
        return await sweep(self._engine)

    async def grace_period_end(self) -> float | None:
        """Return the end of the grace period, in seconds since the epoch; None without one, or after it. It begins when
        an empty state takes over a storage's installation, or an operator forces a pair; garbage collection removes
        nothing in it.

        Raises StateUnavailable.
        """
        return await grace_period_end(self._engine)

    def collect_garbage(self, *, dry_run: bool) -> AsyncIterator[Leftover]:
        """Yield the storage's orphans, each removed unless `dry_run`. Without `dry_run`, yield none during the grace
        period, or while another node collects garbage. Raises Unavailable.
        """
        return collect_garbage(self._engine, dry_run=dry_run)

    def repair(self, *, apply: bool) -> AsyncIterator[Mended]:
        """Yield the outcome of each difference between records and storage. With `apply`, each is mended if it can be
        now (`Mended.done`); if none is left, the grace period ends.

        Raises Unavailable.
        """
        return repair(self._engine, apply=apply)

    async def recount(self) -> int:
        """Charge all uploads to their accounts again, by their records. Returns the number of uploads that were
        charged wrongly.

        Raises StateUnavailable.
        """
        return await self._engine.state.recount()


@asynccontextmanager
async def open_operator(settings: Settings) -> AsyncIterator[Operator]:
    """Open the server's storage and state for an operator. Raises ConfigurationError, Unavailable."""
    async with open_engine(settings, Budget(settings.memory_budget)) as engine:
        installed = await engine.state.installation()
        if installed is None:
            raise StateUnavailable("the state belongs to no installation yet")
        yield Operator(engine, ReadLinks(installed.id))


async def pair(settings: Settings) -> str:
    """Record state and storage as one installation, even if they belong to two; return the start of its id.

    Raises ConfigurationError, Unavailable.
    """
    async with open_unpaired(settings, Budget(settings.memory_budget)) as engine:
        return (await force_pair(engine)).label


async def check(settings: Settings) -> Sequence[CheckResult]:
    """Try storage and state with the operations that a server needs; return the result of each check, then a
    result for each exposure to other machines. Raises ConfigurationError.
    """
    async with open_unpaired(settings, Budget(settings.memory_budget)) as engine:
        results = [await _try("state", engine.state.name, engine.state.ping)]
        inspection = engine.storage.inspection
        trials = () if inspection is None else inspection.trials()
        results += [await _try(f"storage {trial.name}", trial.place, trial.run) for trial in trials]
        return [
            CheckResult(name="settings", ok=True),
            *results,
            await _check_installation(engine),
            *_exposures(settings),
        ]


def _exposures(settings: Settings) -> Sequence[CheckResult]:
    """Return a result for each exposure to other machines. Each result is `ok`: a proxy may close the exposure."""
    public = [str(address) for address in reachable_addresses(settings.addresses)]
    metrics = reachable_addresses(_metrics(settings))
    risks = exposures(settings).items() if public else ()
    lines = [f"{', '.join(public)}: every client may upload: see docs/auth.md"] if settings.is_open else []
    lines += [f"{', '.join(public)}: {risk}: see {setting}" for setting, risk in risks]
    lines += [f"{address}: /metrics can be read: see metrics-address" for address in metrics]
    return [CheckResult(name="open", ok=True, detail=line) for line in lines]


def _metrics(settings: Settings) -> Sequence[Address]:
    return [] if settings.metrics_address is None else [settings.metrics_address]


async def _check_installation(engine: Engine) -> CheckResult:
    """Check that state and storage belong together, without writing to either."""
    try:
        snapshot = await take_snapshot(engine)
        installation = reconcile(engine, snapshot)
    except Unavailable as error:
        return CheckResult(name="installation", ok=False, detail=str(error))
    return CheckResult(name="installation", ok=True, detail=_description(snapshot, installation))


def _description(snapshot: Snapshot, installation: Installation) -> str:
    if snapshot.installation is None and snapshot.storage_id is None:
        return "a new one, from the first start on"
    if snapshot.installation is None:
        return f"{installation.label}, which the empty state will take over from the storage: see tusd-py repair"
    return installation.label


def required_cors(settings: Settings) -> Sequence[CorsRule]:
    """Return the CORS rules that each bucket needs with these settings; none without `direct-uploads` and without
    redirects to the bucket (`download-mode`). Raises ConfigurationError if `cors-allow-origin` can't be written as
    such rules, even if none are needed.
    """
    pattern = settings.cors_allow_origin.pattern
    try:
        origins = origins_of(pattern)
    except ValueError:
        raise ConfigurationError(
            f"cors-allow-origin {pattern!r} can't be written as S3 rules: write origins with | between them, "
            "and at most one .* in each"
        ) from None
    return needed(origins, uploads=settings.direct_uploads, downloads=settings.download_mode == "redirect")


async def check_cors(settings: Settings, rules: Sequence[CorsRule], *, install: bool) -> Sequence[CheckResult]:
    """Check that the rules of each bucket allow and expose what `rules` do; with `install`, first put `rules` before
    them, in place of rules with the same ids. For a bucket that lacks something, or gives no answer, there is a result
    that isn't `ok`. Raises ConfigurationError, and Refusal if the storage isn't S3: clients can't reach it then.
    """
    async with open_engine(settings, Budget(settings.memory_budget)) as engine:
        return [
            result
            for place, bucket in access(engine).cors.items()
            for result in await _check_bucket(place, bucket, rules, install=install)
        ]


async def _check_bucket(
    place: str, bucket: CorsAccess, rules: Sequence[CorsRule], *, install: bool
) -> Sequence[CheckResult]:
    results = list[CheckResult]()
    try:
        if install:
            await bucket.put_cors(joined(rules, await bucket.cors()))
            results.append(CheckResult(name="cors", ok=True, detail=f"{place}: the rules were installed"))
        return [*results, *_cors_results(place, missing(rules, await bucket.cors()))]
    except Unavailable as error:
        return [*results, CheckResult(name="cors", ok=False, detail=f"{place}: {error}")]


def _cors_results(place: str, lacking: Iterator[str]) -> Sequence[CheckResult]:
    failures = [CheckResult(name="cors", ok=False, detail=f"{place}: {problem}") for problem in lacking]
    return failures or [CheckResult(name="cors", ok=True, detail=f"{place} has what browsers need")]


async def _try(name: str, place: str, attempt: Callable[[], Awaitable[None]]) -> CheckResult:
    try:
        await attempt()
    except Unavailable as error:
        return CheckResult(name=name, ok=False, detail=f"{place}: {error}")
    return CheckResult(name=name, ok=True, detail=place)
