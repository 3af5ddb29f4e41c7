"""A state and a storage of two installations, on a real disk, S3 and Redis: servers and commands refuse the pair in one
line. And starts at which state and storage are, or become, one installation."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from devtools.seaweed import SeaweedFS
from tests.support.bucket import upload_id
from tests.support.installation_place import (
    LONG_AGO,
    Place,
    a_wrong_pair,
    content,
    on_disk,
    on_seaweed,
    status,
    uploaded,
)
from tests.support.node import client_of
from tests.support.s3faults import ANY, reset
from tests.support.s3proxy import S3Proxy
from tests.support.server import Server
from tests.support.tus import TusClient, until
from tusd_py import create_app
from tusd_py.config import load_settings
from tusd_py.domain.errors import ConfigurationError


@pytest.fixture(params=["disk and sqlite", "s3 and redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "disk and sqlite":
        return on_disk(tmp_path)
    return on_seaweed(tmp_path, request.getfixturevalue("seaweed"), request.getfixturevalue("redis_url"))


@pytest.fixture
def redis_place(tmp_path: Path, seaweed: SeaweedFS, redis_url: str) -> Place:
    return on_seaweed(tmp_path, seaweed, redis_url)


async def refuse_all(place: Place, storage: str, url: str) -> None:
    """Check that a server, `check`, `repair` and four `uploads` commands refuse the storage named `storage` with the
    state of `place`, each in one line: with exit code 2, `check` with 1. `url` is that of the upload to terminate."""
    assert a_wrong_pair(await place.refused(storage, expire_after=LONG_AGO), place, storage)
    wrong = place.server(storage, expire_after=LONG_AGO)
    checked = await wrong.command("check")
    assert checked.code == 1
    (failed,) = [line for line in checked.out.splitlines() if line.startswith("FAIL")]
    assert failed.startswith("FAIL installation  ")
    assert a_wrong_pair(failed, place, storage)
    for command in (
        ("repair",),
        ("repair", "--apply"),
        ("uploads", "collect-garbage"),
        ("uploads", "expire"),
        ("uploads", "list"),
        ("uploads", "terminate", upload_id(url)),
    ):
        refused = await wrong.command(*command)
        assert (refused.code, refused.out) == (2, ""), command
        assert a_wrong_pair(refused.err, place, storage)


async def test_commands_refuse_a_foreign_state(place: Place) -> None:
    """A server and commands on a state of one installation refuse a storage of another, or one without an id, and
    remove nothing."""
    async with place.serving("mine", expire_after=LONG_AGO) as mine:
        (url,) = await uploaded(mine, b"abc")
        async with place.serving("other", state=f"sqlite:{place.directory / 'other.db'}") as other_server:
            (other_url,) = await uploaded(other_server, b"defg")
        place.litter("other")
        before = place.files("mine"), place.files("other")

        for storage in ("other", "nothing-yet"):
            await refuse_all(place, storage, url)
        assert (place.files("mine"), place.files("other")) == before
        assert await content(mine, url) == b"abc"
        async with place.serving("other", state=f"sqlite:{place.directory / 'other.db'}") as other_server:
            assert await content(other_server, other_url) == b"defg"


@pytest.mark.parametrize("workers", ["2", "3"])
async def test_workers_of_a_wrong_pair_say_it_once(place: Place, workers: str) -> None:
    async with place.serving("mine") as mine:
        await uploaded(mine, b"abc")
    assert a_wrong_pair(await place.refused("other", workers=workers), place, "other")


async def test_prefixes_let_installations_share_a_redis(redis_place: Place) -> None:
    place = redis_place
    async with place.serving("one") as one, place.serving("two", redis_prefix="two:") as two:
        (url,), (other_url,) = await uploaded(one, b"abc"), await uploaded(two, b"defg")
        for wrong in (place.server("two"), place.server("one", redis_prefix="two:")):
            assert (await wrong.command("repair", "--apply")).code == 2
        for server, storage in ((one, "one"), (two, "two")):
            repaired = await server.command("repair", "--apply")
            assert (repaired.code, repaired.out) == (0, "0 found, 0 mended\n")
            assert len(place.files(storage)) == 2, "the object and the installation's id"
        assert await content(one, url) == b"abc"
        assert await content(two, other_url) == b"defg"
        assert await status(one, f"/files/{upload_id(other_url)}") == 404


async def remove_nothing(server: Server) -> None:
    """Check that garbage collection removes nothing and says until when, and that a repair without `--apply` mends
    nothing."""
    swept = await server.command("uploads", "collect-garbage")
    (notice, summary) = swept.out.splitlines()
    assert notice.startswith("nothing is removed until 20")
    assert "tusd-py repair --apply" in notice
    assert (swept.code, summary) == (0, "0 removed")
    dry_run = await server.command("repair")
    assert dry_run.out.endswith("1 found, 0 mended\n")
    assert (await server.command("uploads", "collect-garbage")).out == swept.out


async def test_emptied_state_removes_nothing_before_repair(place: Place) -> None:
    async with place.serving("mine", expire_after=LONG_AGO) as mine:
        (url,) = await uploaded(mine, b"abc")
        place.litter("mine")
        await asyncio.sleep(2.1)  # what is stored is old by then, by a clock of seconds
    before = place.files("mine")
    new = {"state": f"sqlite:{place.directory / 'new.db'}", "expire_after": LONG_AGO}
    checked = await place.server("mine", **new).command("check")
    assert checked.code == 0
    assert "which the empty state will take over from the storage" in checked.out

    async with place.serving("mine", **new) as again:
        assert again.log().count("installation adopted") == 1
        assert "tusd-py repair" in again.log()
        await remove_nothing(again)
        assert place.files("mine") == before

        repaired = await again.command("repair", "--apply")
        assert (repaired.code, repaired.out.splitlines()[-1]) == (0, "1 found, 1 mended")
        assert len(place.files("mine")) == len(before) - 1
        place.litter("mine")
        await asyncio.sleep(2.1)
        assert (await again.command("uploads", "collect-garbage")).out.endswith("1 removed\n")
        assert [name for name in place.files("mine") if upload_id(url) in name], "finished objects are never orphans"
    async with place.serving("mine", **new) as well:
        assert "installation adopted" not in well.log()


async def test_a_storage_that_lost_its_id_is_paired_by_hand(place: Place) -> None:
    async with place.serving("mine") as mine:
        (url,) = await uploaded(mine, b"abc")
    place.forget("mine")
    assert a_wrong_pair(await place.refused("mine"), place, "mine")
    paired = await place.server("mine").command("repair", "--pair", "--apply")
    assert paired.code == 0
    notice, summary = paired.out.splitlines()
    assert (notice.rpartition(" ")[0], summary) == ("state and storage are of installation", "0 found, 0 mended")
    async with place.serving("mine") as again:
        assert await content(again, url) == b"abc"
        assert "installation adopted" not in again.log(), "it was repaired, too"


async def test_nodes_that_start_at_once_are_one_installation(place: Place) -> None:
    nodes = [place.server("mine") for _ in range(3)]
    try:
        await asyncio.gather(*(node.start() for node in nodes))
        urls = [(await uploaded(node, b"abc"))[0] for node in nodes]
        for node in nodes:
            assert [await content(node, url) for url in urls] == [b"abc"] * 3
            assert await status(node, "/readyz") == 200
            assert "installation adopted" not in node.log()
    finally:
        for node in nodes:
            await node.kill()
    assert (await place.server("mine").command("check")).code == 0


async def test_workers_that_start_at_once_are_one_installation(place: Place) -> None:
    async with place.serving("mine", workers="3") as mine:
        (url,) = await uploaded(mine, b"abc")
        for _ in range(6):
            assert await content(mine, url) == b"abc"
        assert "installation adopted" not in mine.log()


@pytest.mark.parametrize("state", ["sqlite", "redis"])
async def test_start_waits_for_s3(redis_place: Place, seaweed: SeaweedFS, state: str) -> None:
    where = {"state": f"sqlite:{redis_place.directory / 'state.db'}"} if state == "sqlite" else {}
    async with S3Proxy(seaweed.endpoint) as s3, redis_place.serving("mine", **where) as mine:
        async with client_of(mine) as client:
            url = await client.create(6)
            await client.patch(url, 0, b"abc")
        await mine.kill()
        s3.faults.rule(ANY, None, reset())
        async with (
            redis_place.serving("mine", **where, s3_endpoint_url=s3.endpoint) as again,
            client_of(again) as client,
        ):
            url = f"{again.url}{upload_id(url)}"
            assert (await client.try_create(3)).status == 503
            assert (await client.patch(url, 3, b"def")).status == 503
            assert (await client.head(url)).status == 423
            assert (await client.delete(url)).status == 503
            assert await status(again, "/readyz") == 503
            s3.faults.clear()

            async def ready() -> bool:
                return await status(again, "/readyz") == 200

            await until(ready)
            assert (await client.patch(url, 3, b"def")).offset == 6
            assert await client.content(url) == b"abcdef"
            assert "Traceback" not in again.log()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_wrong_pair_that_shows_only_later_ends_the_server_then(
    redis_place: Place, seaweed: SeaweedFS, workers: str
) -> None:
    async with redis_place.serving("mine") as mine:
        await uploaded(mine, b"abc")
    async with S3Proxy(seaweed.endpoint) as s3:
        s3.faults.rule(ANY, None, reset())
        server = redis_place.server("other", s3_endpoint_url=s3.endpoint, workers=workers)
        starting = asyncio.create_task(server.command("serve", "--port", str(server.port)))

        async def answers() -> bool:
            try:
                return await status(server, "/readyz") == 503
            except aiohttp.ClientError:
                return False

        await until(answers, 60)
        s3.faults.clear()
        async with asyncio.timeout(100):
            ended = await starting
    assert ended.code == 2
    last = ended.err.splitlines()[-1]
    assert last.startswith("tusd-py: state and storage don't belong together")
    assert sum(line.startswith("tusd-py: ") for line in ended.err.splitlines()) == 1
    assert "Traceback" not in ended.err
    assert redis_place.files("other") == []


async def test_a_mounted_application_does_not_start_on_a_wrong_pair(tmp_path: Path) -> None:
    def app(storage: str) -> web.Application:
        where = {"storage": f"file:{tmp_path / storage}", "state": f"sqlite:{tmp_path / 'state.db'}"}
        outer = web.Application()
        outer.add_subapp("/media", create_app(load_settings(where, None, {})))
        return outer

    async with TestServer(app("mine")) as site, aiohttp.ClientSession() as session:
        await TusClient(session, str(site.make_url("/media/files/"))).create(3)
    with pytest.raises(ConfigurationError, match="don't belong together"):
        async with TestServer(app("other")):
            pytest.fail("it started")


async def test_check_tells_the_installation_and_writes_nothing(place: Place) -> None:
    new = await place.server("mine").command("check")
    assert "ok   installation  a new one, from the first start on" in new.out.splitlines()
    assert not [name for name in place.files("mine") if name.endswith("installation")]
    async with place.serving("mine") as mine:
        (line,) = [line for line in (await mine.command("check")).out.splitlines() if "installation" in line]
        assert re.fullmatch("ok   installation  [0-9a-f]{8}", line)
