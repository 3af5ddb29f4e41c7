"""Promises of every state store and every storage about the installation it belongs to."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.support.fixtures_state import Maker
from tests.support.storages import Bench
from tests.support.uploads import upload
from tests.support.writing import Sender, random_bytes
from tusd_py.domain.installation import Installation
from tusd_py.ports.state import StateStore

ONE, OTHER = Installation(id="1" * 32), Installation(id="2" * 32, stored=True, adopted_at=1234.5678)


async def test_a_new_state_belongs_nowhere(state: StateStore) -> None:
    assert await state.installation() is None
    await state.create(upload())
    assert await state.installation() is None


async def test_a_state_keeps_the_first_installation_it_is_given(state: StateStore) -> None:
    assert await state.install(OTHER) == OTHER
    assert await state.install(ONE) == OTHER
    assert await state.installation() == OTHER


async def test_an_installation_can_be_put_in_the_place_of_another(state: StateStore) -> None:
    await state.reinstall(ONE)
    assert await state.installation() == ONE
    await state.reinstall(OTHER)
    assert await state.installation() == OTHER
    assert await state.install(ONE) == OTHER


async def test_one_of_many_starting_nodes_sets_the_id(maker: Maker) -> None:
    """A crowd of starting nodes agrees on one installation id."""
    one = maker()
    nodes = [one] * 5 if one.name == "memory:" else [one, *(maker() for _ in range(4))]
    candidates = [replace(ONE, id=f"{number:032x}") for number in range(5)]
    got = await asyncio.gather(*(node.install(candidate) for node, candidate in zip(nodes, candidates, strict=True)))
    assert len({candidate.id for candidate in got}) == 1
    assert got[0] in candidates
    for node in nodes:
        assert await node.installation() == got[0]
        await node.aclose()


async def test_an_installation_survives_its_process(durable: Maker) -> None:
    before = durable()
    await before.install(OTHER)
    await before.aclose()
    after = durable()
    assert await after.installation() == OTHER
    await after.aclose()


async def test_an_installation_is_no_upload(state: StateStore) -> None:
    await state.install(ONE)
    assert list(await state.list(None, 10)) == []
    assert list(await state.due(1e12, 10)) == []


async def test_a_storage_keeps_the_id_it_was_given_last(bench: Bench) -> None:
    assert await bench.storage.installation() is None
    for installation_id in (ONE.id, ONE.id, OTHER.id):
        await bench.storage.install(installation_id)
        assert await bench.storage.installation() == installation_id


async def test_the_storage_id_outlives_every_upload(bench: Bench) -> None:
    """The installation's id in a storage isn't listed as a leftover, and stays when leftovers and uploads are
    removed."""
    await bench.storage.install(ONE.id)
    assert [found_leftover async for found_leftover in bench.inspection.leftovers()] == []
    sender = Sender(bench.storage, random_bytes(bench.grain + 3))
    await sender.send()
    finished = await sender.finish()
    for leftover in [found_leftover async for found_leftover in bench.inspection.leftovers()]:
        await bench.inspection.remove(leftover)
    await bench.storage.discard(finished)
    assert await bench.storage.installation() == ONE.id
