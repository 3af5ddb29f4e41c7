"""Hooks as commands and Python methods, a Redis stream as a receiver, and the metrics of failing HTTP hooks, on running
servers."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from redis.asyncio import Redis

from tests.support.server import serving
from tests.support.tus import TusClient, until

HOOKS = """
class Hooks:
    async def post_finish(self, call):
        with open("called", "a") as file:
            print(call["Event"]["Upload"]["ID"], file=file)
"""


async def upload(url: str) -> str:
    """Create an upload with all its bytes at the endpoint `url`, and return its id."""
    async with aiohttp.ClientSession() as session:
        return (await TusClient(session, url).create(5, b"hello")).rpartition("/")[2]


async def holds(path: Path, text: str) -> bool:
    return _content(path) == text


def _content(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def test_commands_are_run(tmp_path: Path) -> None:
    (tmp_path / "hooks").mkdir()
    hook = tmp_path / "hooks" / "post-finish"
    hook.write_text('#!/bin/sh\ngrep -q \'"Size":5\' && echo "$TUS_ID $TUS_SIZE $TUS_EVENT_ID" > ../called\n')
    hook.chmod(0o755)
    async with serving(tmp_path, hooks_dir="hooks") as server:
        name = await upload(server.url)
        await until(partial(holds, tmp_path / "called", f"{name} 5 evt_{name}_finished\n"))


async def test_methods_are_called(tmp_path: Path) -> None:
    (tmp_path / "my_hooks.py").write_text(HOOKS)
    async with serving(tmp_path, hooks_python="my_hooks:Hooks") as server:
        name = await upload(server.url)
        await until(partial(holds, tmp_path / "called", f"{name}\n"))


async def test_a_stream_of_the_state_gets_events(tmp_path: Path, redis_url: str) -> None:
    async with (
        serving(tmp_path, state=redis_url, events_to="redis:uploads", public_url="https://a.example/f") as server,
        Redis.from_url(redis_url) as redis,
    ):
        name = await upload(server.url)

        async def full() -> bool:
            return bool(await redis.xlen("uploads") == 2)

        await until(full)
        entries: Any = await redis.xrange("uploads")
    fields = entries[1][1]
    assert fields[b"id"].decode() == f"evt_{name}_finished"
    event = json.loads(fields[b"data"])
    assert (event["type"], event["source"]) == ("tusdpy.upload.finished.v1", "https://a.example/f/")


async def test_metrics_count_attempts_and_what_is_missing(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:1/"
    async with (
        serving(
            tmp_path,
            hooks_http=nowhere,
            hooks_enabled_events="post-create,post-finish",
            events_schedule="0s,1h",
        ) as server,
        aiohttp.ClientSession() as session,
    ):
        await upload(server.url)

        async def are_counted() -> bool:
            async with session.get(f"{server.origin}/metrics") as answer:
                text = await answer.text()
            return (
                'tusdpy_events_pending{sink="hooks-http"} 2.0' in text
                and 'tusdpy_hook_requests_total{hook="post-create",outcome="failed"} 1.0' in text
            )

        await until(are_counted)
