"""The assembly, from settings, of the questions that hooks answer before the server acts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tusd_py.config import S3Bucket, Settings
from tusd_py.engine.engine import Engine
from tusd_py.events_out.access import HookPolicy
from tusd_py.events_out.questions import (
    POST_RECEIVE,
    PRE_ACCESS,
    PRE_CREATE,
    PRE_FINISH,
    PRE_TERMINATE,
    Asking,
    HookQuestions,
)
from tusd_py.server.event_wiring import HookKind
from tusd_py.server.wiring import other_buckets

_QUESTIONS = frozenset({PRE_ACCESS, PRE_CREATE, PRE_FINISH, PRE_TERMINATE, POST_RECEIVE})


def asking(settings: Settings, engine: Engine, hooks: HookKind | None) -> Engine:
    """Return an engine that calls the hooks at those of pre-access, pre-create, pre-finish, pre-terminate and
    post-receive that `hooks_enabled_events` names; the same engine without hooks, or if it names none of the five. With
    pre-access, the hooks also become the engine's policy."""
    enabled = _QUESTIONS.intersection(settings.hooks_enabled_events)
    if hooks is None or not enabled:
        return engine
    questions = HookQuestions(
        caller=hooks.caller,
        enabled=enabled,
        asking=_asking(settings, hooks),
        storage=engine.storage,
        buckets=_buckets(settings),
        observer=engine.observer,
        meter=engine.meter,
    )
    policy = HookPolicy(questions) if PRE_ACCESS in enabled else engine.policy
    return replace(engine, questions=questions, policy=policy)


def _buckets(settings: Settings) -> Sequence[str]:
    own = settings.storage.bucket if isinstance(settings.storage, S3Bucket) else None
    return () if own is None else (own, *other_buckets(settings, own))


def _asking(settings: Settings, hooks: HookKind) -> Asking:
    over_http = settings.hooks_http is not None
    return Asking(
        attempts=settings.hooks_http_retry if over_http else 1,
        longest_pause=settings.hooks_http_backoff,
        seconds=hooks.seconds,
        limit=settings.hooks_http_size_limit,
        interval=settings.progress_hooks_interval,
        forward=settings.hooks_http_forward_headers if over_http else (),
    )
