"""Behind a proxy, no client begins its upload again because a node stops, dies or restarts. While no node is there, GET
gets 503, and other requests get no answer."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from devtools.certificates import Certificate
from tests.e2e.curl import transfer
from tests.e2e.deployment import MIB
from tests.e2e.tusjs import Start, methods
from tests.proxies.conftest import Passage


@pytest.fixture(autouse=True)
def trusting(monkeypatch: pytest.MonkeyPatch, certificate: Certificate) -> None:
    """Make Node trust the proxy's certificate."""
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(certificate.authority))


def _soon(text: str) -> str:
    return text.replace("lb_try_duration 5s", "lb_try_duration 100ms")


async def test_a_client_hears_nothing_rather_than_a_502(passage: Passage, curl: str) -> None:
    async with passage(edit=_soon) as way:
        await way.deployment.server.kill()
        for flags in (("-I", "--http1.1"), ("-I", "--http2"), ("-X", "PATCH"), ("-X", "POST")):
            async with transfer(curl, f"{way.url}x", *way.front.flags, *flags) as run:
                assert await run.failure(), flags
        async with transfer(curl, f"{way.url}x", *way.front.flags) as run:
            assert (await run.answer()).status == 503


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_tus_js_goes_on_after_the_server_was_gone(
    passage: Passage, tus_js: Start, data: bytes, file: Path, end: signal.Signals
) -> None:
    async with passage() as way, tus_js(file=file, options={"endpoint": way.url, "chunkSize": 3 * MIB}) as client:
        await client.until("progress", sent_bytes=7 * MIB)
        if end is signal.SIGKILL:
            await way.deployment.server.kill()
        else:
            await way.deployment.server.stop()
        await way.deployment.server.start()
        done = await client.until("success")
        assert way.stored(done["url"]) == data
        assert [method for method, _ in methods(done)].count("POST") == 1


async def test_one_of_two_nodes_is_enough(
    passage: Passage, tus_js: Start, curl: str, data: bytes, file: Path, redis_url: str
) -> None:
    async with passage(nodes=2, state=redis_url, lock_ttl="2s") as way:
        options = {"endpoint": way.url, "chunkSize": MIB}
        async with tus_js(file=file, options=options) as client:
            url = (await client.until("progress", sent_bytes=7 * MIB))["url"]
            await way.neighbours[0].server.kill()
            for _ in range(3):
                async with transfer(curl, url, *way.front.flags, "-I") as asking:
                    assert (await asking.answer()).status == 200
            done = await client.until("success")
        assert way.stored(done["url"]) == data
        assert [method for method, _ in methods(done)].count("POST") == 1
        assert 0 < await way.deployment.until_received(0) < len(data), "the other has had its share"
