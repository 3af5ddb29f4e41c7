"""URLSession through proxies: uploads succeed with `ietf-interim-responses` as `off` or `auto`; with `on`, a proxy must
pass 104s on, as Caddy does."""

from __future__ import annotations

import pytest

from tests.proxies.conftest import Passage, Way
from tests.support.urlsession import INTEROP, Task


def through(way: Way, data: bytes, version: int) -> Task:
    return Task(url=way.url, data=data, version=version, tls=way.front.tls())


@pytest.mark.parametrize("interim", ["off", "auto"])
async def test_an_upload_is_one_answer_and_goes_well(passage: Passage, data: bytes, interim: str) -> None:
    async with passage(ietf_interim_responses=interim) as way:
        for version in INTEROP.values():
            task = through(way, data, version)
            answer = await task.run()
            assert [reply.status for reply in task.replies] == [201]
            assert way.stored(answer.headers["location"]) == data


@pytest.mark.parametrize("passage", ["caddy"], indirect=True)
async def test_caddy_passes_interim_responses_on(passage: Passage, data: bytes) -> None:
    async with passage(ietf_interim_responses="on") as way:
        for version in INTEROP.values():
            task = through(way, data, version)
            answer = await task.run(cut=9 * 1024 * 1024)
            assert task.replies[0].status == 104
            assert way.stored(answer.headers["location"]) == data
