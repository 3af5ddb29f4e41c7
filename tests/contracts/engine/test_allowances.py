"""Allowances of a credential, counted and charged with the upload that it creates."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from tests.support.direct_access import direct
from tests.support.harness import Harness, ScriptedBody
from tests.support.intents import appending, creating, joining, sha1
from tusd_py.domain.access_refusals import OverQuota, TokenUsedUp
from tusd_py.domain.caller import Caller
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.errors import StateFull, StateUnavailable, StorageUnavailable
from tusd_py.domain.events import Reason
from tusd_py.domain.intents import Begin
from tusd_py.domain.principal import Allowance, Grant, Principal, Quota
from tusd_py.domain.refusals import ChecksumMismatch, TooLarge, TooManyRequests
from tusd_py.domain.rights import Rights
from tusd_py.domain.thresholds import Thresholds
from tusd_py.domain.upload import Kind, Upload
from tusd_py.engine import terminate
from tusd_py.engine.append import append
from tusd_py.engine.create import create
from tusd_py.engine.direct import announce, begin
from tusd_py.engine.engine import Engine
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.rate_limiter import RateLimiter
from tusd_py.ports.progress import Watcher


def acting(harness: Harness, subject: str | None = "ann", tenant: str | None = None, **allowance: Any) -> Engine:
    """Return the harness's engine, acting for a caller whose credential has this subject, tenant and allowance."""
    principal = Principal(subject=subject, tenant=tenant, allowance=Allowance(**allowance))
    return harness.engine.acting_for(Caller(principal=principal))


def grant(harness: Harness, max_uses: int = 1) -> Grant:
    return Grant(jti="jti", max_uses=max_uses, expires_at=4e9 + harness.now)


async def begin_upload(engine: Engine, length: int | None = 6) -> Upload:
    return await create(engine, creating(length), ScriptedBody())


async def refused(creation: Coroutine[Any, Any, object], *errors: type[Exception]) -> None:
    with pytest.raises(errors):
        await creation


async def test_a_token_creates_as_many_uploads_as_it_may(harness: Harness) -> None:
    engine = acting(harness, grant=grant(harness, 2))
    await begin_upload(engine), await begin_upload(engine)
    body = ScriptedBody(b"abc")
    await refused(create(engine, creating(3, body=True), body), TokenUsedUp)
    assert not body.continued
    assert len(await harness.uploads()) == 2


async def test_a_token_counts_direct_uploads_as_well(harness: Harness) -> None:
    direct(harness)
    engine = acting(harness, grant=grant(harness))
    await begin(engine, Begin(mode=DirectMode.PARTS, length=7))
    await refused(announce(engine, Begin(mode=DirectMode.WHOLE, length=7)), TokenUsedUp)


async def test_a_creation_that_is_refused_or_fails_uses_nothing(harness: Harness) -> None:
    engine = replace(acting(harness, grant=grant(harness)), quota=Quota(max_bytes=10))
    await refused(begin_upload(engine, 11), OverQuota)
    await refused(create(engine, creating(3, body=True), ScriptedBody(b"abcd")), TooLarge)
    wrong = creating(3, body=True, checksum=sha1(b"xyz"))
    await refused(create(engine, wrong, ScriptedBody(b"abc")), ChecksumMismatch)
    harness.storage.fuse.blow(times=9)
    await refused(create(engine, creating(3, body=True), ScriptedBody(b"abc")), StorageUnavailable)
    harness.storage.fuse.mend()
    harness.state.fuse.blow()
    await refused(begin_upload(engine), StateUnavailable)
    assert not any(upload.alive for upload in await harness.uploads())
    await begin_upload(engine)
    await refused(begin_upload(engine), TokenUsedUp)


@pytest.mark.parametrize("calls", [1, 2, 9])
@pytest.mark.parametrize("form", ["tus", "direct"])
async def test_a_lost_answer_to_a_creation_uses_nothing(harness: Harness, calls: int, form: str) -> None:
    """If the state records a creation but its answer is lost, the use of the token and the bytes of the account are
    given back: at once, or by a sweep if the state fails further calls."""
    direct(harness)
    engine = acting(harness, grant=grant(harness))
    harness.state.fuse.blow(times=calls, answer_lost=True)
    intent = Begin(mode=DirectMode.WHOLE, length=6)
    await refused(begin_upload(engine) if form == "tus" else announce(engine, intent), StateUnavailable)
    harness.state.fuse.mend()
    if calls > 1:
        await refused(begin_upload(engine), TokenUsedUp)
        await sweep(harness.engine)
    assert (await harness.state.usage("ann")).total == 0
    await begin_upload(engine)
    await sweep(harness.engine)
    await refused(begin_upload(engine), TokenUsedUp)
    assert (await harness.state.usage("ann")).total == 6


@pytest.mark.parametrize("seconds", [0, 5, 45])
async def test_a_creation_that_takes_effect_late_uses_nothing(harness: Harness, seconds: int) -> None:
    """If the state carries out a creation only after its request has failed, even 45 seconds after a sweep found
    nothing, the next sweep gives the use of the token back."""
    engine, late = acting(harness, grant=grant(harness)), list[Any]()

    async def delayed(*arguments: Any, **options: Any) -> Upload:
        late.append(lambda: inner(*arguments, **options))
        raise StateUnavailable

    inner, harness.state.create = harness.state.create, delayed  # type: ignore[method-assign]
    await refused(begin_upload(engine), StateUnavailable)
    harness.state.create = inner  # type: ignore[method-assign]
    if seconds:
        await sweep(harness.engine)
        harness.now += seconds
    await late.pop()()
    await sweep(harness.engine)
    await begin_upload(engine)


async def test_a_long_outage_takes_little_memory(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminate, "_MOST_PENDING", 2)
    harness.state.fuse.blow(times=9)
    for _ in range(4):
        await refused(begin_upload(harness.engine), StateUnavailable)
    assert len(harness.engine.pending_ends) == 2
    harness.state.fuse.mend()
    harness.now += 61
    await sweep(harness.engine)
    assert harness.engine.pending_ends == {}


async def test_a_full_state_has_nothing_to_end(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: Any, **__: Any) -> Upload:
        raise StateFull

    monkeypatch.setattr(harness.state, "create", refuse)
    await refused(begin_upload(harness.engine), StateFull)
    assert harness.engine.pending_ends == {}


async def test_ends_that_are_many_are_tried_in_turn(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminate, "_AT_ONCE", 2)
    harness.state.fuse.blow(times=9)
    for _ in range(3):
        await refused(begin_upload(harness.engine), StateUnavailable)
    harness.state.fuse.mend()
    harness.now += 61
    await sweep(harness.engine)
    assert len(harness.engine.pending_ends) == 1
    await sweep(harness.engine)
    assert harness.engine.pending_ends == {}


async def test_a_direct_upload_that_fails_to_open_uses_nothing(harness: Harness) -> None:
    access = direct(harness)
    engine = acting(harness, grant=grant(harness))
    access.fuse.blow()
    await refused(begin(engine, Begin(mode=DirectMode.PARTS, length=7)), StorageUnavailable)
    await begin(engine, Begin(mode=DirectMode.PARTS, length=7))
    await refused(begin(engine, Begin(mode=DirectMode.PARTS, length=7)), TokenUsedUp)


class _Known(Watcher):
    """A client that knows its upload's URL before the body has ended (an interim response)."""

    async def on_created(self, _: Upload) -> bool:
        return True

    def on_progress(self, _: Upload) -> None:
        """Ignore the progress."""


async def test_a_late_refusal_keeps_a_known_upload_counted(harness: Harness) -> None:
    """The use of a token stays counted if a creation is refused after its client has learnt the upload's URL."""
    engine = acting(harness, grant=grant(harness))
    await refused(create(engine, creating(3, body=True), ScriptedBody(b"abcd"), _Known()), TooLarge)
    await refused(begin_upload(engine), TokenUsedUp)


async def test_a_credentials_quota_takes_the_place_of_the_settings(harness: Harness) -> None:
    harness.engine = replace(harness.engine, quota=Quota(max_bytes=10, max_uploads=2))
    larger = acting(harness, quota=Quota(max_bytes=20))
    await begin_upload(larger, 15)
    await refused(begin_upload(larger, 6), OverQuota)
    await refused(begin_upload(acting(harness), 1), OverQuota)
    await begin_upload(larger, 5)
    await refused(begin_upload(larger, 0), OverQuota)
    await begin_upload(acting(harness, quota=Quota(max_bytes=20, max_uploads=3)), 0)
    await begin_upload(acting(harness, "bob"), 10)


async def test_it_holds_where_another_caller_continues_the_upload(harness: Harness) -> None:
    """The quota and reservation of an upload's creator hold for a PATCH by a caller without a credential."""
    harness.engine = replace(
        harness.engine,
        rights=Rights(authenticating=True, by_url=True),
        quota=Quota(max_bytes=100),
        thresholds=Thresholds(reservation=16),
    )
    upload = await begin_upload(acting(harness, quota=Quota(max_bytes=6)), None)
    await refused(append(harness.engine, upload.id, appending(0, size=7), ScriptedBody(b"abcdefg")), OverQuota)
    upload = await append(harness.engine, upload.id, appending(0, size=4), ScriptedBody(b"abcd"))
    assert upload.account.reserved == 6
    await refused(append(harness.engine, upload.id, appending(4, length=7, size=0), ScriptedBody()), OverQuota)
    assert (await append(harness.engine, upload.id, appending(4, length=6), ScriptedBody(b"ef"))).done
    assert (await harness.state.usage("ann")).stored == 6


async def test_a_tenants_owner_has_a_separate_account(harness: Harness) -> None:
    for subject, tenant, account in (("ann", None, "ann"), ("ann", "t", "t/ann"), (None, None, "-")):
        upload = await begin_upload(acting(harness, subject, tenant))
        assert (upload.owner, upload.account.name) == (subject, account)
        assert (await harness.state.usage(account)).uploads == 1


async def test_a_credentials_rate_takes_the_place_of_the_settings(harness: Harness) -> None:
    harness.engine = replace(harness.engine, creations=RateLimiter((1, 60), lambda: 0, source="your account"))
    slow, fast = acting(harness, "ann"), acting(harness, "bob", rate=(3, 60))
    await begin_upload(slow)
    with pytest.raises(TooManyRequests, match="too many new uploads from your account") as raised:
        await begin_upload(slow)
    assert raised.value.retry_after == 60
    for _ in range(3):
        await begin_upload(fast)
    await refused(begin_upload(fast), TooManyRequests)
    await begin_upload(acting(harness, None))
    await refused(begin_upload(harness.engine), TooManyRequests)
    assert len(await harness.uploads()) == 5


@pytest.mark.parametrize("mode", DirectMode)
async def test_a_direct_upload_has_the_limits_of_its_token(harness: Harness, mode: DirectMode) -> None:
    """A direct upload is recorded with the largest length and the key prefix of the credential; one that announces a
    larger length raises TooLarge."""
    direct(harness)
    engine = acting(harness, max_length=5, key_prefix="team/")
    upload = await announce(engine, Begin(mode=mode, length=5))
    assert (upload.max_length, upload.key_prefix) == (5, "team/")
    await refused(announce(engine, Begin(mode=mode, length=6)), TooLarge)


async def test_a_final_upload_has_the_limits_of_its_token(harness: Harness) -> None:
    """A final upload is recorded with the largest length of the credential that creates it; a longer one raises
    TooLarge."""
    part = await create(harness.engine, creating(3, body=True, kind=Kind.PARTIAL), ScriptedBody(b"abc"))
    twice = joining(part.id, part.id)
    final = await create(acting(harness, None, max_length=6), twice, ScriptedBody())
    assert (final.max_length, final.length) == (6, 6)
    await refused(create(acting(harness, None, max_length=5), twice, ScriptedBody()), TooLarge)


async def test_a_retried_end_asks_no_lock_holder(harness: Harness) -> None:
    """A sweep that tries again to end an upload leaves it while another request holds its lock."""
    upload, requests = await begin_upload(harness.engine), list[None]()
    harness.state.fuse.blow()
    await terminate.abandon(harness.engine, upload.id, Reason.FAILED_CREATION)
    async with harness.locker.hold(upload.id, on_release_request=lambda: requests.append(None), wait=0):
        await sweep(harness.engine)
        assert (requests, len(harness.engine.pending_ends)) == ([], 1)
    await sweep(harness.engine)
    assert (harness.engine.pending_ends, await harness.residue()) == ({}, [])
