"""The usage by uploads that earlier versions stored, and by changes that their nodes make after the upgrade."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.uploads import upload
from tests.unit.backends.test_upgrade import BEFORE, NodeBefore
from tusd_py.backends.redis.state import RedisState
from tusd_py.backends.sqlite.schema import VERSION
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.domain.account import Account
from tusd_py.domain.phase import Phase
from tusd_py.domain.record_json import encode
from tusd_py.domain.upload import Upload
from tusd_py.domain.usage import Usage, charge_of
from tusd_py.ports.state import Unfinished

_SAVE_BEFORE = "UPDATE uploads SET revision = ?, due_at = ?, document = ? WHERE id = ? AND revision = ?"
_CREATE_BEFORE = "INSERT INTO uploads (revision, due_at, document, id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"


def encoded_before(upload: Upload) -> str:
    """Return the JSON of the upload's record as saved by a node that knows neither names of uploads nor accounts."""
    record = json.loads(encode(upload))
    return json.dumps({key: record[key] for key in record.keys() - {"name", "account", "quota_bytes", "reserved"}})


@pytest.mark.parametrize("script", ["sqlite_3.sql", "sqlite_4.sql", "sqlite_5.sql"])
async def test_what_a_file_of_a_version_before_has_is_charged(tmp_path: Path, script: str) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((BEFORE / script).read_text())
    state = SqliteState(path)
    charges = [charge_of(record) for record in await state.list(None, 100)]
    assert await state.usage("-") == Usage(
        account="-",
        stored=sum(charge.stored for charge in charges),
        reserved=sum(charge.reserved or 0 for charge in charges),
        uploads=sum(charge.reserved is not None for charge in charges),
    )
    assert (await state.usage("-")).total > 0
    assert await state.recount() == 0
    await state.aclose()


async def test_a_process_of_the_version_before_charges_by_triggers(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    state = SqliteState(path)
    hers = await state.create(upload(1, account=Account(name="t/ann", reserved=64), length=None, name="a"))
    with closing(sqlite3.connect(path)) as connection:
        grown = encode(replace(hers, length=70, offset=50, revision=2, account=upload().account, name=None))
        connection.execute(_SAVE_BEFORE, (2, None, grown, hers.id, 1))
        for record in (upload(2, length=7, owner="bob"), upload(3, phase=Phase.DONE, offset=10)):
            connection.execute(_CREATE_BEFORE, (1, None, encoded_before(record), record.id))
        connection.execute(f"PRAGMA user_version = {VERSION - 1}")
        connection.commit()
    assert list(await state.usages(None, 10)) == [
        Usage(account="-", stored=10),
        Usage(account="bob", reserved=7, uploads=1),
        Usage(account="t/ann", reserved=70, uploads=1),
    ]
    assert await state.unfinished() == Unfinished(count=2, claimed=77)
    assert await state.resolve("a") == hers.id
    later = SqliteState(path)
    assert await later.recount() == 0
    assert await later.resolve("a") == hers.id
    await later.aclose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM uploads")
        connection.commit()
    assert list(await state.usages(None, 10)) == []
    assert await state.unfinished() == Unfinished()
    await state.aclose()


async def test_recount_mends_accounts_of_previous_version(redis_url: str) -> None:
    before, now = NodeBefore(redis_url, "tusd-py:"), RedisState(redis_url)
    try:
        hers = await now.create(upload(1, account=Account(name="ann"), name="a"))
        ended_upload = await now.create(upload(2, account=Account(name="ann"), name="b"))
        assert await before.put(replace(hers, phase=Phase.DONE, offset=10, revision=2), "1")
        assert await before.put(upload(3, revision=1), "")
        assert await before.delete(ended_upload)
        assert await now.usage("ann") == Usage(account="ann", reserved=20, uploads=2)
        assert await now.recount() == 3
        assert list(await now.usages(None, 10)) == [
            Usage(account="-", reserved=10, uploads=1),
            Usage(account="ann", stored=10),
        ]
        assert await now.recount() == 0
        await now.create(upload(4, name="b"))
        assert await now.resolve("b") == upload(4).id
    finally:
        await before.aclose()
        await now.aclose()


async def test_nodes_recount_in_redis_by_themselves_after_their_start(redis_url: str) -> None:
    before, now = NodeBefore(redis_url, "tusd-py:"), RedisState(redis_url)
    try:
        for number in range(150):
            assert await before.put(upload(number, revision=1), "")
        for _ in range(10):
            await now.unfinished()
        assert await now.usage("-") == Usage(account="-", reserved=1500, uploads=150)
    finally:
        await before.aclose()
        await now.aclose()
