"""A server whose state and storage are of two installations."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from tests.support.tus import TusClient, until
from tusd_py.config import Settings, load_settings
from tusd_py.domain.errors import WrongPair
from tusd_py.server import app as server_app
from tusd_py.server.app import CONFIG_ERROR, create_app

LOOKS = 1.5
"""A wait in seconds: longer than the pause, at most one second, between two looks of a server for due events or
jobs."""


class Hooks:
    """A hook `post-finish` that raises RuntimeError unless `working`, and else notes the path of the file in
    `paths`."""

    def __init__(self, *, working: bool) -> None:
        self.working, self.paths = working, list[Any]()

    def post_finish(self, call: Any) -> None:
        if not self.working:
            raise RuntimeError("the receiver is down")
        self.paths.append(call["Event"]["Upload"]["Storage"]["Path"])


def settings(directory: Path, storage: str, state: str = "state", **further: Any) -> Settings:
    places = {"storage": f"file:{directory / storage}", "state": f"sqlite:{directory / state}.db"}
    return load_settings({**places, **further}, None, {})


async def uploaded(app: web.Application, data: bytes) -> str:
    async with TestServer(app) as site, ClientSession() as session:
        client = TusClient(session, str(site.make_url("/files/")))
        return (await client.try_create(len(data), data)).headers["Location"]


@pytest.fixture
async def elsewhere(tmp_path: Path) -> Path:
    """A directory with the storage `b` and the state `other`, which are one installation, so that `b` doesn't belong to
    the state `state`, which a test makes with the storage `a`."""
    await uploaded(create_app(settings(tmp_path, "b", "other")), b"x")
    return tmp_path


async def test_it_sends_no_event(elsewhere: Path) -> None:
    """A server whose state and storage are of two installations sends no event to its hook, though the state has one
    whose next delivery attempt is due."""
    often = {"events_schedule": "0s" + ",200ms" * 100}
    await uploaded(create_app(settings(elsewhere, "a", **often), Hooks(working=False)), b"hello")
    await asyncio.sleep(LOOKS)  # the next attempt is due
    wrong = Hooks(working=True)
    with pytest.raises(WrongPair):
        await uploaded(create_app(settings(elsewhere, "b", **often), wrong), b"no")
    assert wrong.paths == []
    right = Hooks(working=True)
    async with TestServer(create_app(settings(elsewhere, "a", **often), right)):
        await until(lambda: arrived(right))
    assert [Path(path).parent for path in right.paths] == [elsewhere / "a"]


async def arrived(hooks: Hooks) -> bool:
    return bool(hooks.paths)


async def test_it_begins_no_job(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose state and storage are of two installations begins no job, even if it couldn't reach them at its
    start and so compare them: the job's first attempt is that of the right server."""
    working: dict[str, Any] = {"jobs": True, "jobs_on_finish": ["checksum"]}
    app = create_app(settings(elsewhere, "a", **working))
    with monkeypatch.context() as patched:
        patched.setattr("tusd_py.jobs.runner.Runner._start_due", pausing)
        url = await uploaded(app, b"hello")
        await asyncio.sleep(0.2)
    with monkeypatch.context() as patched:
        patched.setattr(server_app, "_answers", unreachable)
        wrong = create_app(settings(elsewhere, "b", **working))
        async with TestServer(wrong):
            await until(lambda: refused(wrong))
    async with TestServer(create_app(settings(elsewhere, "a", **working))) as site, ClientSession() as session:

        async def is_done() -> bool:
            address = site.make_url("/jobs").with_query(upload=url.rpartition("/")[2], format="json")
            async with session.get(address) as answer:
                jobs = (await answer.json())["jobs"]
                return [(job["phase"], job["attempt"]) for job in jobs] == [("done", 1)]

        await until(is_done)


async def pausing(_: object) -> None:
    """Begin no job, in place of the method with which the server's runner of jobs begins those that are due."""


async def unreachable(*_: object) -> bool:
    return False


async def refused(app: web.Application) -> bool:
    return app[CONFIG_ERROR].done()
