"""The settings of hooks and events."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from tusd_py.config import event_kinds, kinds
from tusd_py.config.event_kinds import PROGRESS, SinkAddress
from tusd_py.config.places import RedisState
from tusd_py.config.server_settings import ServerSettings
from tusd_py.config.units import KIB
from tusd_py.domain.events import UPLOAD_TYPES

_HOOK_TIMEOUT = 15.0
_DAYS = 86_400.0
_SCHEDULE = event_kinds.read_schedule("0s,5s,5m,30m,2h,5h,10h,14h,20h,24h")
"""The pauses before each attempt at an event: the example of Standard Webhooks 1.0.0, 75.6 hours in all."""
_KINDS = ("hooks_http", "hooks_dir", "hooks_python")
_TIMEOUTS = {
    "hooks_http_timeout": ("hooks_http",),
    "hooks_dir_timeout": ("hooks_dir",),
    "events_timeout": ("events_to", "hooks_python"),
}
"""The settings that limit the time of an attempt at an event, each with the settings that lead to such attempts: the
limit counts if at least one of these is set."""


class EventSettings(ServerSettings):
    """The settings of questions to hooks, and of events that are delivered to sinks."""

    hooks_http: event_kinds.HookUrl = Field(
        default=None, description="URL that is called at each of hooks-enabled-events, as tusd calls it."
    )
    hooks_dir: event_kinds.HookFolder = Field(
        default=None, description="Folder of commands to run, each named as the hook: pre-create, post-finish, …"
    )
    hooks_python: event_kinds.HookObject = Field(
        default=None, description="Object whose methods are called (pre_create, post_finish, …): module:name."
    )
    hooks_grpc: event_kinds.Unsupported = Field(default=None, description="Not supported: use hooks-http.")
    hooks_plugin: event_kinds.Unsupported = Field(default=None, description="Not supported: use hooks-python.")
    hooks_enabled_events: event_kinds.HookNames = Field(
        default=("pre-create", "post-create", PROGRESS, "post-terminate", "post-finish"),
        description="Hooks to call: also pre-access, pre-finish, pre-terminate, post-expire, post-lost.",
    )
    hooks_http_forward_headers: kinds.Tokens = Field(
        default=(), description="Header fields of clients' requests that hooks-http gets: A,B,C."
    )
    hooks_http_retry: kinds.Count = Field(default=3, description="Attempts at a question, all within its timeout.")
    hooks_http_backoff: kinds.Duration = Field(
        default=1.0, description="Longest pause between two attempts at a question."
    )
    hooks_http_timeout: kinds.PositiveDuration = Field(
        default=_HOOK_TIMEOUT, description="Time for a question with all its attempts, or for an attempt at an event."
    )
    hooks_http_size_limit: kinds.Size = Field(default=5 * KIB, description="Size of the longest answer to a question.")
    hooks_http_skip_verify: kinds.Switch = Field(default=False, description="Accept any certificate of hooks-http.")
    hooks_dir_timeout: kinds.PositiveDuration = Field(
        default=_HOOK_TIMEOUT, description="Time for a command; then it is killed with its children."
    )
    hooks_dir_concurrency: kinds.Count = Field(default=8, description="Commands that run at a time (per worker).")
    hooks_secret: event_kinds.Secrets = Field(
        default=(), description="Secret that signs calls over HTTP: whsec_…, or two during a change."
    )
    hooks_order: event_kinds.HookOrder = Field(
        default="skip",
        description="After an event that was given up, send the upload's later ones (skip), or wait for a retry "
        "(strict).",
    )
    hooks_buckets: event_kinds.BucketNames = Field(
        default=(),
        description="Buckets that a hook may choose for an upload (ChangeFileInfo), with the endpoint, region, "
        "credentials and prefix of the storage.",
    )
    progress_hooks_interval: kinds.PositiveDuration = Field(
        default=1.0, description="Shortest time between two calls of post-receive for an upload."
    )

    events_to: event_kinds.SinkAddresses = Field(
        default=(),
        description="Receivers of events: https://…, redis:stream, sqs:URL, sns:ARN, nats://…/subject, "
        "amqp://…/exchange.",
    )
    events_format: event_kinds.EventFormat = Field(
        default="cloudevents", description="Format for events-to: cloudevents, cloudevents-binary, tusd or s3."
    )
    events_types: event_kinds.EventTypes = Field(
        default=UPLOAD_TYPES, description="Events for events-to: created, finished, …"
    )
    events_schedule: event_kinds.Schedule = Field(
        default=_SCHEDULE, description="Pauses before each attempt at an event; it is given up after the last."
    )
    events_retention: kinds.OptionalDuration = Field(
        default=3 * _DAYS, description="How long delivered events are kept for a replay; none for no end."
    )
    events_timeout: kinds.PositiveDuration = Field(
        default=_HOOK_TIMEOUT, description="Time for an attempt at an event for events-to and hooks-python."
    )
    events_lease: kinds.PositiveDuration = Field(
        default=60.0,
        validate_default=True,
        description="Time after which an attempt of a process that died is repeated; longer than each timeout.",
    )

    @field_validator(*_KINDS)
    @classmethod
    def _hooks_are_of_one_kind(cls, value: SecretStr | Path | str | None, info: ValidationInfo) -> object:
        if value is not None and any(info.data.get(kind) is not None for kind in _KINDS):
            raise ValueError("expected only one of hooks-http, hooks-dir and hooks-python")
        return value

    @field_validator("events_to")
    @classmethod
    def _streams_need_redis(cls, addresses: tuple[SinkAddress, ...], info: ValidationInfo) -> tuple[SinkAddress, ...]:
        uses_state = any(address.scheme == "redis:" for address in addresses)
        if uses_state and not isinstance(info.data.get("state"), RedisState):
            raise ValueError("expected state redis://… with redis:stream, or redis://HOST/stream")
        return addresses

    @field_validator("events_lease")
    @classmethod
    def _lease_is_longer_than_attempts(cls, lease: float, info: ValidationInfo) -> float:
        for timeout, users in _TIMEOUTS.items():
            if any(info.data.get(user) for user in users) and info.data.get(timeout, 0.0) >= lease:
                raise ValueError(f"expected a duration longer than {timeout.replace('_', '-')}")
        return lease
