"""The names and chosen keys of uploads, and the uses of upload tokens, change in the commit of the record, in every
state store."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from tests.support.fixtures_state import Maker
from tests.support.uploads import upload
from tusd_py.domain.access_refusals import OverQuota, TokenUsedUp
from tusd_py.domain.account import Account
from tusd_py.domain.errors import Superseded
from tusd_py.domain.phase import Phase
from tusd_py.domain.principal import Grant, Quota
from tusd_py.domain.refusals import NameTaken
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.usage import Usage
from tusd_py.ports.state import StateStore

NAME = "a/b-1_2.~x"


def grant(max_uses: int = 1, jti: str = "jti") -> Grant:
    return Grant(jti=jti, max_uses=max_uses, expires_at=time.time() + 3600)


async def test_a_name_finds_its_upload_in_every_phase(state: StateStore) -> None:
    assert await state.resolve(NAME) is None
    current = await state.create(upload(name=NAME))
    for phase in (Phase.DONE, Phase.TERMINATING, Phase.GONE):
        current = await state.save(replace(current, phase=phase))
        assert await state.resolve(NAME) == current.id
        assert await state.load(current.id) == current


async def test_a_taken_name_is_refused_after_the_end(state: StateStore) -> None:
    """As long as an upload's record is kept, also after the upload's end, another creation with its name raises
    NameTaken and changes nothing."""
    await state.create(upload(name=NAME, phase=Phase.GONE))
    with pytest.raises(NameTaken):
        await state.create(upload(2, name=NAME), grant=grant())
    assert await state.load(upload(2).id) is None
    assert await state.resolve(NAME) == upload().id
    assert await state.usage("-") == Usage(account="-")
    await state.create(upload(2, name=f"{NAME}2"), grant=grant())


async def test_a_name_is_free_once_its_upload_is_forgotten(state: StateStore) -> None:
    await state.delete(await state.create(upload(name=NAME)))
    assert await state.resolve(NAME) is None
    assert (await state.create(upload(2, name=NAME))).name == NAME
    assert await state.resolve(NAME) == upload(2).id


async def test_of_many_creations_with_one_name_exactly_one_wins(state: StateStore) -> None:
    outcomes = await asyncio.gather(
        *(state.create(upload(number, name=NAME)) for number in range(10)), return_exceptions=True
    )
    (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Upload)]
    assert sum(isinstance(outcome, NameTaken) for outcome in outcomes) == 9
    assert await state.resolve(NAME) == winner.id
    assert await state.list(None, 20) == [winner]


async def test_a_chosen_key_belongs_to_one_upload(state: StateStore) -> None:
    """As long as the state remembers the upload that has a chosen key, creating another upload, if it isn't partial,
    with that key in the same bucket raises NameTaken."""
    first = await state.create(upload(place="a/b", phase=Phase.GONE))
    named_upload = await state.create(upload(2, name="c", key_prefix="team/"))
    for rival in (upload(3, place="a/b"), upload(3, name="a/b"), upload(3, place="team/c", name="d")):
        with pytest.raises(NameTaken):
            await state.create(rival, grant=grant())
        assert await state.load(rival.id) is None
        assert await state.resolve("d") is None
    for free in ("a/b", "team/c", "/a/b"):
        assert await state.resolve(free) is None
    await state.delete(first)
    await state.delete(named_upload)
    assert (await state.create(upload(3, place="a/b", name="c"))).chosen_key == "a/b"
    assert (await state.create(upload(4, place="team/c"))).chosen_key == "team/c"


async def test_a_chosen_key_is_another_one_in_another_bucket(state: StateStore) -> None:
    first = await state.create(upload(place="a/b", bucket="b"))
    assert (await state.load(first.id)) == first
    await state.create(upload(2, place="a/b"))
    await state.create(upload(3, name="a/b", bucket="c"))
    for duplicate in (upload(4, place="a/b", bucket="b"), upload(4, place="a/b", bucket="c"), upload(4, place="a/b")):
        with pytest.raises(NameTaken):
            await state.create(duplicate)
    await state.delete(first)
    assert (await state.create(upload(4, place="a/b", bucket="b"))).claimed_key == "/b/a/b"


async def test_partial_uploads_have_no_key_that_others_could_have(state: StateStore) -> None:
    for number in range(2):
        await state.create(upload(number, place="a/b", kind=Kind.PARTIAL))
    await state.create(upload(2, place="a/b"))


async def test_many_uploads_need_no_name(state: StateStore) -> None:
    for number in range(3):
        await state.create(upload(number))
    assert len(await state.list(None, 10)) == 3


async def test_a_token_is_used_as_often_as_it_may_be(state: StateStore) -> None:
    for number in range(3):
        await state.create(upload(number), grant=grant(3))
    with pytest.raises(TokenUsedUp):
        await state.create(upload(3), grant=grant(3))
    await state.create(upload(3), grant=grant(3, "another"))


async def test_of_many_creations_at_once_no_more_use_a_token_than_may(state: StateStore) -> None:
    outcomes = await asyncio.gather(
        *(state.create(upload(number), grant=grant(3)) for number in range(10)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Upload) for outcome in outcomes) == 3
    assert sum(isinstance(outcome, TokenUsedUp) for outcome in outcomes) == 7
    assert len(await state.list(None, 20)) == 3


async def test_what_is_refused_uses_nothing(state: StateStore) -> None:
    await state.create(upload(1, name=NAME))
    for refused, planned, quota in (
        (ValueError, upload(1), None),
        (NameTaken, upload(2, name=NAME), None),
        (OverQuota, upload(2), Quota(max_bytes=11)),
    ):
        with pytest.raises(refused):
            await state.create(planned, grant=grant(), quota=quota)
    await state.create(upload(2), grant=grant())
    with pytest.raises(TokenUsedUp):
        await state.create(upload(3), grant=grant())


async def test_of_several_reasons_the_same_one_is_told_by_every_store(state: StateStore) -> None:
    await state.create(upload(1, name=NAME), grant=grant())
    quota = Quota(max_bytes=11)
    with pytest.raises(ValueError, match=upload(1).id):
        await state.create(upload(1, name=NAME), grant=grant(), quota=quota)
    with pytest.raises(NameTaken):
        await state.create(upload(2, name=NAME), grant=grant(), quota=quota)
    with pytest.raises(TokenUsedUp):
        await state.create(upload(2), grant=grant(), quota=quota)
    with pytest.raises(OverQuota):
        await state.create(upload(2), quota=quota)
    assert len(await state.list(None, 10)) == 1


async def test_a_use_is_given_back_with_the_save_that_says_so(state: StateStore) -> None:
    created = await state.create(upload(), grant=grant())
    saved = await state.save(replace(created, phase=Phase.TERMINATING), refund=grant())
    await state.create(upload(2), grant=grant())
    with pytest.raises(Superseded):
        await state.save(created, refund=grant())
    with pytest.raises(TokenUsedUp):
        await state.create(upload(3), grant=grant())
    await state.save(saved, refund=grant(jti="never used"))
    await state.create(upload(3), grant=grant(jti="never used"))
    with pytest.raises(TokenUsedUp):
        await state.create(upload(4), grant=grant(jti="never used"))


async def test_a_use_is_given_back_no_more_than_once(state: StateStore) -> None:
    current = await state.create(upload(), grant=grant())
    for _ in range(3):
        current = await state.save(current, refund=grant())
    await state.create(upload(2), grant=grant())
    with pytest.raises(TokenUsedUp):
        await state.create(upload(3), grant=grant())


async def test_uses_are_counted_on_while_a_token_just_expired(state: StateStore) -> None:
    """The state still counts the uses of a token that expired a minute ago: a creation that began in time may be
    recorded later, and clocks differ."""
    now = time.time()
    old = replace(grant(), expires_at=now - 60)
    await state.create(upload(1, created_at=now), grant=old)
    await state.create(upload(2, created_at=now), grant=grant(jti="another"))
    with pytest.raises(TokenUsedUp):
        await state.create(upload(3, created_at=now), grant=old)


async def test_uses_are_forgotten_an_hour_after_a_token_expired(state: StateStore) -> None:
    now = time.time()
    old = replace(grant(), expires_at=now - 3601)
    await state.create(upload(1, created_at=now - 3700), grant=old)
    await state.create(upload(2, created_at=now), grant=grant(jti="another"))
    await state.create(upload(3, created_at=now), grant=old)


async def test_a_durable_store_remembers_names_uses_and_usage(durable: Maker) -> None:
    first, second = durable(), durable()
    await first.create(upload(name=NAME, account=Account(name="ann")), grant=grant())
    await first.aclose()
    assert await second.resolve(NAME) == upload().id
    assert await second.usage("ann") == Usage(account="ann", reserved=10, uploads=1)
    with pytest.raises(TokenUsedUp):
        await second.create(upload(2), grant=grant())
    await second.aclose()
