"""The assembly of an engine from settings: the only module that knows every storage, state and locker that settings
can name."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from tusd_py import config
from tusd_py.backends.memory.locks import MemoryLocker
from tusd_py.backends.memory.state import MemoryState
from tusd_py.backends.sqlite.locks import SqliteLocker
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.config import Settings
from tusd_py.domain.errors import ConfigurationError
from tusd_py.domain.limits import Limits
from tusd_py.domain.principal import Quota
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.engine.open_uploads import OpenUploads
from tusd_py.engine.pairing import PairedState
from tusd_py.engine.rate_limiter import RateLimiter
from tusd_py.ports.locks import Locker
from tusd_py.ports.meter import Meter
from tusd_py.ports.observer import Observer, Observers
from tusd_py.ports.outbox import Outbox, Subscription
from tusd_py.ports.state import StateStore
from tusd_py.ports.storage import Capacity, Storage
from tusd_py.server.extras import importing
from tusd_py.server.scanner_wiring import screening
from tusd_py.storage.local.storage import LocalStorage
from tusd_py.storage.s3.grid import MIB
from tusd_py.storage.s3.options import PROFILES, Profile, S3Options
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.file_marks import FileMarks

_PART_SIZE = 8 * MIB


@asynccontextmanager
async def open_engine(
    settings: Settings,
    budget: Budget,
    observers: Sequence[Observer] = (),
    meter: Meter | None = None,
    subscriptions: Sequence[Subscription] | None = None,
    pairing: type[PairedState] = PairedState,
) -> AsyncIterator[Engine]:
    """Open an engine on the storage and state that the settings name, yield it, and close both at the end. Raises
    ConfigurationError.

    The engine's state is of the class `pairing`: it serves no upload before it is known to belong to the storage, and
    has registered `subscriptions`. These are None in commands: only servers register subscriptions.
    """
    async with open_unpaired(settings, budget, observers, meter) as engine:
        state = pairing(engine, subscriptions)
        try:
            yield replace(engine, state=state)
        finally:
            await state.aclose()


@asynccontextmanager
async def open_unpaired(
    settings: Settings, budget: Budget, observers: Sequence[Observer] = (), meter: Meter | None = None
) -> AsyncIterator[Engine]:
    """Open an engine on the storage and state that the settings name, without the check that both belong together;
    yield it, and close both at the end. Raises ConfigurationError.
    """
    meter = meter or Meter()
    async with AsyncExitStack() as stack:
        storage = await _storage(settings, budget, meter)
        stack.push_async_callback(storage.aclose)
        state, locker = _open_state(settings, stack)
        yield _engine(settings, storage, state, locker, observers, meter)


def _engine(
    settings: Settings, storage: Storage, state: StateStore, locker: Locker, observers: Sequence[Observer], meter: Meter
) -> Engine:
    open_uploads = OpenUploads(settings.max_open_uploads, settings.max_open_bytes)
    return Engine(
        storage=storage,
        state=state,
        locker=locker,
        limits=limits(settings, storage.capacity),
        observer=Observers((open_uploads, *observers)),
        screening=screening(settings, Observers(observers)),
        meter=meter,
        open_uploads=open_uploads,
        quota=_quota(settings),
        creations=_creations(settings),
        marks=_marks(settings),
        thresholds=replace(DEFAULT, reservation=max(DEFAULT.reservation, settings.part_size or 0)),
        clock=time.time,
        new_id=lambda: UploadId(secrets.token_hex(16)),
        base_path=settings.base_path,
    )


@asynccontextmanager
async def open_state(settings: Settings) -> AsyncIterator[StateStore]:
    """Open the state that the settings name, without the storage, yield it, and close it at the end. Raises
    ConfigurationError."""
    async with AsyncExitStack() as stack:
        state, _ = _open_state(settings, stack)
        yield state


@asynccontextmanager
async def open_outbox(settings: Settings) -> AsyncIterator[Outbox]:
    """Open the outbox of the state that the settings name, without the storage, and close it at the end. Raises
    ConfigurationError, also if the state keeps no events."""
    async with open_state(settings) as state:
        if state.outbox is None:
            raise ConfigurationError(f"{state.name} keeps no events: use sqlite: or redis:")
        yield state.outbox


def _marks(settings: Settings) -> FileMarks | None:
    if not settings.sniff:
        return None
    with importing("sniff", "puremagic", "sniff"):
        return FileMarks()


def _creations(settings: Settings) -> RateLimiter:
    rate = settings.quota_rate
    return RateLimiter(None if rate is None else (rate.count, rate.seconds), source="your account")


def _quota(settings: Settings) -> Quota | None:
    if settings.quota_bytes is None and settings.quota_uploads is None:
        return None
    return Quota(max_bytes=settings.quota_bytes, max_uploads=settings.quota_uploads)


def limits(settings: Settings, capacity: Capacity) -> Limits:
    """Return the limits of the settings and of the storage (`capacity`). The lowest limit of length counts: that of the
    storage, max-size, max-open-bytes, or the largest size that the scanner takes if each upload has to be scanned. The
    length that clients are told (`announced_max_length`) leaves out the storage's."""
    max_length = _smallest(settings.max_size, settings.max_open_bytes, settings.largest_scanned)
    return Limits(
        max_length=_smallest(max_length, capacity.max_length),
        max_deferred_length=_smallest(max_length, capacity.max_deferred_length),
        max_age=capacity.max_age,
        announced_max_length=max_length,
        expire_after=settings.expire_after,
        retention=settings.retention,
        max_metadata_bytes=settings.max_metadata_size,
        max_partials=settings.max_partials,
        allowed_types=settings.allowed_types,
        allowed_extensions=settings.allowed_extensions,
        max_partial_uses=settings.max_partial_uses,
        upload_url_lifetime=settings.upload_url_lifetime,
        download_url_lifetime=settings.download_url_lifetime,
        termination=not settings.disable_termination,
        terminates_finished=settings.terminate_finished,
        concatenation=not settings.disable_concatenation,
        downloads=not settings.disable_download,
        answers_gone=settings.gone_status == 410,  # noqa: PLR2004 (HTTP's status 410 Gone)
    )


def _smallest(*sizes: int | None) -> int | None:
    return min((size for size in sizes if size is not None), default=None)


async def _storage(settings: Settings, budget: Budget, meter: Meter) -> Storage:
    match settings.storage:
        case config.LocalDirectory(path):
            return LocalStorage(path, mode=settings.file_mode, template=settings.object_key)
        case config.S3Bucket(bucket):
            from tusd_py.storage.s3.storage import S3Storage  # noqa: PLC0415  botocore takes a while

            options = replace(s3_options(settings, settings.storage), more_buckets=other_buckets(settings, bucket))
            return await S3Storage.open(options, budget, meter)


def other_buckets(settings: Settings, own: str) -> tuple[str, ...]:
    """Return the buckets other than `own`, the storage's, that hooks may choose for an upload."""
    return tuple(bucket for bucket in settings.hooks_buckets if bucket != own)


def s3_options(settings: Settings, place: config.S3Bucket) -> S3Options:
    """Return the options of the S3 adapter for the bucket `place`, which needn't be that of the storage."""
    return S3Options(
        bucket=place.bucket,
        prefix=place.prefix,
        endpoint_url=settings.s3_endpoint_url,
        public_url=settings.s3_public_url,
        addressing_style=settings.s3_addressing_style,
        profile=_profile(settings),
        part_size=settings.part_size or _PART_SIZE,
        concurrency=settings.s3_concurrency,
        object_key=settings.object_key,
        sse=None if settings.s3_sse == "none" else settings.s3_sse,
        sse_kms_key_id=settings.s3_sse_kms_key_id,
        storage_class=settings.s3_storage_class,
        acl=settings.s3_acl,
        tags=settings.s3_tags,
        info_objects=settings.s3_info_objects,
    )


def _profile(settings: Settings) -> Profile:
    profile = PROFILES[settings.s3_profile]
    return profile if settings.s3_checksum == "auto" else replace(profile, checksum=settings.s3_checksum)


def _open_state(settings: Settings, stack: AsyncExitStack) -> tuple[StateStore, Locker]:
    """Return the state and its locker (see `_state`); the stack closes both."""
    state, locker = _state(settings)
    stack.push_async_callback(state.aclose)
    stack.push_async_callback(locker.aclose)
    return state, locker


def _state(settings: Settings) -> tuple[StateStore, Locker]:
    """Return the state that the settings name, and its locker, not connected yet. Locks are kept with the records:
    nodes that share records share locks."""
    match settings.state:
        case config.MemoryState():
            return MemoryState(), MemoryLocker()
        case config.SqliteState(path):
            return SqliteState(path), SqliteLocker(path, settings.lock_ttl)
        case config.RedisState(url):
            from tusd_py.backends.redis.locks import RedisLocker  # noqa: PLC0415  the library takes a while
            from tusd_py.backends.redis.state import RedisState  # noqa: PLC0415  likewise

            address = url.get_secret_value()
            prefix = settings.redis_prefix
            return RedisState(address, prefix), RedisLocker(address, settings.lock_ttl, prefix)
