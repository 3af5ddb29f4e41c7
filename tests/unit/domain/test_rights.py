"""The matrix of rights, as a pure function; tests/spec/auth holds a server to it on every wire."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tusd_py.domain.access_refusals import AuthUnavailable, InsufficientScope, Unauthenticated
from tusd_py.domain.account import Account
from tusd_py.domain.caller import NO_CALLER, Caller
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.intents import (
    Append,
    Begin,
    Body,
    Continue,
    Create,
    Inspect,
    Intent,
    Pause,
    Read,
    Terminate,
    Watch,
)
from tusd_py.domain.principal import CREATE, LIST, TOKENS, UPLOAD, Principal, account_of
from tusd_py.domain.refusals import Forbidden, Refusal, UploadNotFound
from tusd_py.domain.rights import Rights, without_content
from tusd_py.domain.upload import Times, Upload
from tusd_py.domain.upload_id import UploadId

OWNER, BY_URL = Rights(authenticating=True), Rights(authenticating=True, by_url=True)
STRICT = replace(OWNER, strict_head=True)
CREATION = (Create(), Begin(mode=DirectMode.PARTS))
CONTINUING = (Append(offset=0, body=Body(length=1)), Continue())
INTENTS: tuple[Intent, ...] = (*CREATION, Inspect(), *CONTINUING, Terminate(), Read())

UPLOAD_OF_ALICE = Upload(id=UploadId("a" * 32), length=1, owner="alice", times=Times.at_creation(0))
UNOWNED = replace(UPLOAD_OF_ALICE, owner=None)


def of(subject: str | None, *scopes: str) -> Caller:
    """Return a caller with a good credential of this subject; its scope is `upload` unless `scopes` name others."""
    return Caller(principal=Principal(subject=subject, scopes=frozenset(scopes or {UPLOAD})))


ALICE, BOB, TOKEN, LISTER = of("alice"), of("bob"), of("alice", CREATE), of("alice", LIST)
EXPIRED = Caller(denial=Unauthenticated(invalid=True))
EXPIRED_TOKEN = Caller(denial=Unauthenticated(invalid=True, expired=TOKEN.principal))
UNKNOWN = Caller(denial=AuthUnavailable())
DENIED = Caller(denial=Forbidden("the authentication server says no"))


def outcome(rights: Rights, intent: Intent, caller: Caller, upload: Upload | None = UPLOAD_OF_ALICE) -> type | None:
    """Return the type of the refusal if the caller has no right to do what the intent asks; None if it has. `upload`
    doesn't matter to a creation."""
    try:
        rights.check(intent, caller, None if intent in CREATION else upload)
    except Refusal as refusal:
        return type(refusal)
    return None


def table(rights: Rights, caller: Caller, upload: Upload | None = UPLOAD_OF_ALICE) -> dict[str, type | None]:
    return {type(intent).__name__: outcome(rights, intent, caller, upload) for intent in INTENTS}


def row(
    create: type | None, head: type | None, patch: type | None, other_intents: type | None
) -> dict[str, type | None]:
    """Return a row of the matrix: the refusal, or None, of each kind of intent. `other_intents` are DELETE and GET."""
    return {
        **dict.fromkeys(("Create", "Begin"), create),
        "Inspect": head,
        **dict.fromkeys(("Append", "Continue"), patch),
        **dict.fromkeys(("Terminate", "Read"), other_intents),
    }


def test_without_authentication_all_callers_have_all_rights() -> None:
    for caller in (NO_CALLER, BOB, EXPIRED):
        assert table(Rights(), caller) == row(None, None, None, None)
        assert Rights().owns(caller, UPLOAD_OF_ALICE)
        assert Rights().reads(caller, UPLOAD_OF_ALICE)
        assert Rights().preempts(caller, UPLOAD_OF_ALICE)


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (NO_CALLER, row(Unauthenticated, None, Unauthenticated, Unauthenticated)),
        (EXPIRED, row(Unauthenticated, None, Unauthenticated, Unauthenticated)),
        (EXPIRED_TOKEN, row(Unauthenticated, None, None, Unauthenticated)),
        (UNKNOWN, row(AuthUnavailable, None, AuthUnavailable, AuthUnavailable)),
        (DENIED, row(Forbidden, None, Forbidden, Forbidden)),
        (BOB, row(None, UploadNotFound, UploadNotFound, UploadNotFound)),
        (of(None), row(None, UploadNotFound, UploadNotFound, UploadNotFound)),
        (ALICE, row(None, None, None, None)),
        (TOKEN, row(None, None, None, InsufficientScope)),
        (of("alice", TOKENS), row(InsufficientScope, None, InsufficientScope, InsufficientScope)),
        (of("alice", "watch"), row(InsufficientScope, None, InsufficientScope, InsufficientScope)),
    ],
)
def test_an_upload_is_its_owners(caller: Caller, expected: dict[str, type | None]) -> None:
    assert table(OWNER, caller) == expected


@pytest.mark.parametrize(
    ("principal", "expected"),
    [(BOB.principal, UploadNotFound), (of("alice", "read").principal, InsufficientScope)],
)
def test_an_expired_token_continues_what_it_could(principal: Principal, expected: type) -> None:
    caller = Caller(denial=Unauthenticated(invalid=True, expired=principal))
    assert [outcome(OWNER, intent, caller) for intent in CONTINUING] == [expected] * 2


@pytest.mark.parametrize(
    ("tenant", "account", "is_owner"),
    [
        ("acme", "acme/alice", True),
        (None, "alice", True),
        ("acme", "alice", False),
        (None, "acme/alice", False),
        ("other", "acme/alice", False),
        ("acme/alice", "acme/alice", False),
        ("acme/alice", "acme%2Falice/alice", True),
    ],
)
def test_an_owner_of_another_tenant_is_another_owner(tenant: str | None, account: str, *, is_owner: bool) -> None:
    upload = replace(UPLOAD_OF_ALICE, account=Account(name=account))
    caller = Caller(principal=Principal(subject="alice", tenant=tenant))
    assert account_of(Principal(subject="alice", tenant=upload.tenant)) == account
    assert table(OWNER, caller, upload) == (table(OWNER, ALICE) if is_owner else table(OWNER, BOB))
    assert OWNER.owns(caller, upload) is OWNER.reads(caller, upload) is is_owner


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (NO_CALLER, Unauthenticated),
        (EXPIRED, Unauthenticated),
        (DENIED, Unauthenticated),
        (UNKNOWN, AuthUnavailable),
        (BOB, UploadNotFound),
        (ALICE, None),
        (TOKEN, None),
    ],
)
def test_head_needs_a_credential_where_that_is_set(caller: Caller, expected: type | None) -> None:
    assert table(STRICT, caller) == {**table(OWNER, caller), "Inspect": expected}


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (NO_CALLER, row(Unauthenticated, None, None, Unauthenticated)),
        (EXPIRED, row(Unauthenticated, None, None, Unauthenticated)),
        (UNKNOWN, row(AuthUnavailable, None, None, AuthUnavailable)),
        (BOB, row(None, None, None, UploadNotFound)),
        (ALICE, row(None, None, None, None)),
        (TOKEN, row(None, None, None, InsufficientScope)),
    ],
)
def test_its_url_is_enough_to_continue_it_where_that_is_set(caller: Caller, expected: dict[str, type | None]) -> None:
    assert table(BY_URL, caller) == expected


def test_strict_head_needs_a_credential() -> None:
    """With `by_url` and `strict_head`, a HEAD needs a credential, though the URL is enough to append; any good
    credential will do."""
    strict = replace(BY_URL, strict_head=True)
    assert outcome(strict, Inspect(), NO_CALLER) is Unauthenticated
    assert outcome(strict, Inspect(), EXPIRED) is Unauthenticated
    assert outcome(strict, Inspect(), BOB) is None


@pytest.mark.parametrize("rights", [OWNER, BY_URL, STRICT])
def test_what_has_no_owner_is_any_principals(rights: Rights) -> None:
    for caller in (BOB, of(None), of("alice", UPLOAD, LIST)):
        assert table(rights, caller, UNOWNED) == row(None, None, None, None)
        assert rights.reads(caller, UNOWNED)
    assert outcome(rights, Read(), NO_CALLER, UNOWNED) is Unauthenticated
    assert not rights.owns(NO_CALLER, UNOWNED)


@pytest.mark.parametrize("rights", [OWNER, BY_URL, STRICT])
@pytest.mark.parametrize("caller", [NO_CALLER, EXPIRED, UNKNOWN, BOB])
def test_a_reading_link_is_all_that_its_holder_needs(rights: Rights, caller: Caller) -> None:
    assert outcome(rights, Read(linked=True), caller) is None


def test_missing_credential_precedes_missing_upload() -> None:
    """An invalid credential is refused before its client learns that the upload doesn't exist, except in a request that
    needs no credential, as a HEAD without `strict_head`."""
    assert table(OWNER, EXPIRED, None) == row(Unauthenticated, None, Unauthenticated, Unauthenticated)
    assert table(OWNER, ALICE, None) == row(None, None, None, None)


@pytest.mark.parametrize(
    ("caller", "owns", "reads", "preempts"),
    [
        (ALICE, True, True, True),
        (TOKEN, True, False, True),
        (LISTER, True, False, False),
        (BOB, False, False, False),
        (NO_CALLER, False, False, False),
        (EXPIRED, False, False, False),
    ],
)
def test_only_its_owner_is_told_all_of_it(caller: Caller, owns: bool, reads: bool, preempts: bool) -> None:  # noqa: FBT001
    for rights in (OWNER, BY_URL):
        assert rights.owns(caller, UPLOAD_OF_ALICE) is owns
        assert rights.reads(caller, UPLOAD_OF_ALICE) is reads
        assert rights.preempts(caller, UPLOAD_OF_ALICE) is (preempts or rights.by_url)


def test_a_sent_credential_is_blamed_with_its_own_challenge() -> None:
    with pytest.raises(Unauthenticated) as refused:
        OWNER.check(Create(), EXPIRED, None)
    assert refused.value.challenge == 'Bearer error="invalid_token"'
    with pytest.raises(Unauthenticated) as refused:
        OWNER.check(Create(), NO_CALLER, None)
    assert refused.value.challenge == "Bearer"


def test_record_without_content_keeps_offset_and_length() -> None:
    """A record without content has lost its metadata and digest, and keeps all fields that a client needs to
    continue."""
    full = replace(
        UPLOAD_OF_ALICE, metadata={"filename": b"secret"}, digest=WholeDigest(algorithm="sha256", value="00"), offset=1
    )
    assert without_content(full) == replace(full, metadata={}, digest=None)


@pytest.mark.parametrize(
    ("caller", "watch", "pause"),
    [
        (NO_CALLER, Unauthenticated, Unauthenticated),
        (EXPIRED, Unauthenticated, Unauthenticated),
        (BOB, UploadNotFound, UploadNotFound),
        (ALICE, None, None),
        (TOKEN, None, None),
        (of("alice", "watch"), None, InsufficientScope),
        (of("alice", "read"), None, InsufficientScope),
        (of("bob", "watch"), UploadNotFound, UploadNotFound),
        (of("bob", LIST, UPLOAD), None, None),
    ],
)
def test_an_upload_is_watched_and_paused_by_its_owner(caller: Caller, watch: type | None, pause: type | None) -> None:
    assert (outcome(OWNER, Watch(), caller), outcome(OWNER, Pause(), caller)) == (watch, pause)
    expected = (None, None) if caller is NO_CALLER else (watch, pause)
    assert (outcome(BY_URL, Watch(), caller), outcome(BY_URL, Pause(), caller)) == expected


def test_owner_and_listing_principals_see_content() -> None:
    decisions = [OWNER.shows(caller, UPLOAD_OF_ALICE) for caller in (NO_CALLER, BOB, ALICE, of("bob", LIST))]
    assert decisions == [False, False, True, True]
    assert Rights().shows(NO_CALLER, UPLOAD_OF_ALICE)
