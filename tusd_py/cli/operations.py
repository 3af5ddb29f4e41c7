"""What an operator can do beside a running server: look at uploads, end them, and try the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from tusd_py.config import Settings
from tusd_py.config.addresses import Address
from tusd_py.config.openness import from_elsewhere, left_open
from tusd_py.domain.errors import ConfigurationError, StateUnavailable, Unavailable
from tusd_py.domain.events import Reason
from tusd_py.domain.refusals import UploadNotFound
from tusd_py.domain.upload import Installation, Upload, UploadId
from tusd_py.engine.direct import access
from tusd_py.engine.engine import Engine
from tusd_py.engine.garbage import tidy
from tusd_py.engine.installation import Seen, held_until, judge, look, pair_by_hand
from tusd_py.engine.maintenance import sweep
from tusd_py.engine.repair import Mended, repair
from tusd_py.engine.terminate import terminate
from tusd_py.ports.direct import CorsRule
from tusd_py.ports.storage import Leftover
from tusd_py.protocol.links import ReadLinks
from tusd_py.server.wiring import open_engine, open_unpaired
from tusd_py.storage.s3.cors import joined, missing, needed, origins_of
from tusd_py.transfer.budget import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One thing tried."""

    name: str
    ok: bool
    detail: str = ""


class Operator:
    """The engine in an operator's hands."""

    def __init__(self, engine: Engine, links: ReadLinks) -> None:
        self._links = links
        self._engine = replace(engine, limits=replace(engine.limits, terminates_finished=True))

    async def uploads(self, after: UploadId | None, limit: int) -> Sequence[Upload]:
        """Up to `limit` uploads with ids after `after`."""
        return await self._engine.state.list(after, limit)

    async def show(self, upload_id: UploadId) -> Upload:
        """Raises UploadNotFound."""
        upload = await self._engine.state.load(upload_id)
        if upload is None:
            raise UploadNotFound
        return upload

    def link(self, upload: Upload) -> str | None:
        """The path of the link for readers below the creation endpoint; None where nothing can be read."""
        return self._links.path(upload) if self._engine.limits.downloads else None

    async def terminate(self, upload_id: UploadId) -> None:
        """Raises Refusal, Locked, Superseded, StateUnavailable."""
        await terminate(self._engine, upload_id, Reason.OPERATOR)

    async def expire(self) -> int:
        """Remove what has expired now; returns how many. Raises StateUnavailable."""
        return await sweep(self._engine)

    async def held_until(self) -> float | None:
        """Until when nothing is collected as garbage, in seconds since the epoch; None if it is. Raises Unavailable."""
        return await held_until(self._engine)

    def sweep(self, *, dry_run: bool) -> AsyncIterator[Leftover]:
        """What crashes left in the storage, removed unless `dry_run`. Raises StateUnavailable, StorageUnavailable."""
        return tidy(self._engine, dry_run=dry_run)

    def repair(self, *, apply: bool) -> AsyncIterator[Mended]:
        """Where records and storage disagree, mended if `apply`. Raises StateUnavailable, StorageUnavailable."""
        return repair(self._engine, apply=apply)


@asynccontextmanager
async def open_operator(settings: Settings) -> AsyncIterator[Operator]:
    """An operator's engine on the same storage and state as the server's. Raises ConfigurationError, Unavailable."""
    async with open_engine(settings, Budget(settings.memory_budget)) as engine:
        installed = await engine.state.installation()
        if installed is None:
            raise StateUnavailable("the state belongs to no installation yet")
        yield Operator(engine, ReadLinks(installed.id))


async def pair(settings: Settings) -> str:
    """Make state and storage one installation; returns its label. Raises ConfigurationError, Unavailable."""
    async with open_unpaired(settings, Budget(settings.memory_budget)) as engine:
        return (await pair_by_hand(engine)).label


async def check(settings: Settings) -> Sequence[CheckResult]:
    """Try storage and state, as they would be used. Raises ConfigurationError."""
    async with open_unpaired(settings, Budget(settings.memory_budget)) as engine:
        tried = [await _tried("state", engine.state.name, engine.state.ping)]
        for name, attempt in engine.storage.trials().items():
            tried.append(await _tried(f"storage {name}", engine.storage.name, attempt))
        return [CheckResult(name="settings", ok=True), *tried, await _check_installation(engine), *_left_open(settings)]


def _left_open(settings: Settings) -> Sequence[CheckResult]:
    """Nothing fails for it: a proxy may close what is open here."""
    public = [str(each) for each in from_elsewhere(settings.addresses)]
    found = left_open(settings).items() if public else ()
    told = [f"{', '.join(public)}: anybody may upload: see docs/security.md"] if public else []
    told += [f"{', '.join(public)}: {what}: see {setting}" for setting, what in found]
    told += [f"{each}: /metrics can be read: see metrics-address" for each in from_elsewhere(_metrics(settings))]
    return [CheckResult(name="open", ok=True, detail=each) for each in told]


def _metrics(settings: Settings) -> Sequence[Address]:
    return [] if settings.metrics_address is None else [settings.metrics_address]


async def _check_installation(engine: Engine) -> CheckResult:
    """Whether state and storage belong together. Nothing is written into either."""
    try:
        seen = await look(engine)
        installation = judge(engine, seen)
    except Unavailable as error:
        return CheckResult(name="installation", ok=False, detail=str(error))
    return CheckResult(name="installation", ok=True, detail=_described(seen, installation))


def _described(seen: Seen, installation: Installation) -> str:
    if seen.known is None and seen.found is None:
        return "a new one, from the first start on"
    if seen.known is None:
        return f"{installation.label}, which the empty state will take over from the storage: see tusd-py repair"
    return installation.label


def cors_needed(settings: Settings) -> Sequence[CorsRule]:
    """What the bucket must let browsers do, as the settings want it. Raises ConfigurationError."""
    pattern = settings.cors_allow_origin.pattern
    try:
        origins = origins_of(pattern)
    except ValueError:
        raise ConfigurationError(
            f"cors-allow-origin {pattern!r} can't be said in S3's words: write origins with | between them, "
            "and at most one .* in each"
        ) from None
    return needed(origins, uploads=settings.direct_uploads, downloads=settings.download_mode == "redirect")


async def check_cors(settings: Settings, wanted: Sequence[CorsRule], *, install: bool) -> Sequence[CheckResult]:
    """Whether the bucket lets browsers do that; made so first with `install`. Raises ConfigurationError."""
    async with open_engine(settings, Budget(settings.memory_budget)) as engine:
        direct, place, results = access(engine), engine.storage.name, list[CheckResult]()
        try:
            if install:
                await direct.set_cors(joined(wanted, await direct.cors()))
                results.append(CheckResult(name="cors", ok=True, detail=f"{place}: the rules were installed"))
            return [*results, *_cors_results(place, missing(wanted, await direct.cors()))]
        except Unavailable as error:
            return [*results, CheckResult(name="cors", ok=False, detail=f"{place}: {error}")]


def _cors_results(place: str, lacking: Iterator[str]) -> Sequence[CheckResult]:
    failed = [CheckResult(name="cors", ok=False, detail=f"{place}: {what}") for what in lacking]
    return failed or [CheckResult(name="cors", ok=True, detail=f"{place} has what browsers need")]


async def _tried(name: str, place: str, attempt: Callable[[], Awaitable[None]]) -> CheckResult:
    try:
        await attempt()
    except Unavailable as error:
        return CheckResult(name=name, ok=False, detail=f"{place}: {error}")
    return CheckResult(name=name, ok=True, detail=place)
