"""Events reach their receivers from running servers: in order, and each at least once, with any failure in between."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import cycle

import aiohttp
from aiohttp import web

from tests.events.conftest import Start
from tests.support.receiver import Arrival, Receiver, receiving, status
from tests.support.server import Server
from tests.support.tus import TusClient, until


async def client(server: Server, session: aiohttp.ClientSession) -> TusClient:
    await server.start()
    return TusClient(session, server.url)


async def upload(tus: TusClient, *, end: bool = False) -> str:
    """Create and finish an upload, terminate it if `end`, and return its id."""
    url = await tus.create(5, b"hel")
    await tus.patch(url, 3, b"lo")
    if end:
        await tus.delete(url)
    return url.rpartition("/")[2]


def types_by_upload(arrivals: Sequence[Arrival]) -> Mapping[str, Sequence[str]]:
    """Return the types of events by upload, in the order in which the events first arrived; a repeated event counts
    once."""
    event_ids = dict[str, None]()
    for arrival in arrivals:
        event_ids.setdefault(arrival.id)
    by_upload = dict[str, list[str]]()
    for event_id in event_ids:
        _, name, kind = event_id.split("_")
        by_upload.setdefault(name, []).append(kind)
    return by_upload


async def refuses(server: Server) -> bool:
    """Return True if the server takes no more connections."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    except OSError:
        return True
    writer.close()
    return False


ALL = ["created", "finished", "terminated"]
LASTING = {"hooks_http_timeout": "20s", "events_lease": "30s"}
"""A timeout and a lease so long that, on a busy machine too, an attempt to deliver an event is repeated only if it
failed."""


async def test_an_upload_is_told_from_its_creation_to_its_end(start: Start, receiver: Receiver) -> None:
    async with aiohttp.ClientSession() as session:
        name = await upload(await client(start(hooks_http=receiver.url), session), end=True)
    arrivals = await receiver.wait(3)
    assert types_by_upload(arrivals) == {name: ALL}
    assert [arrival.json["Type"] for arrival in arrivals] == ["post-create", "post-finish", "post-terminate"]


async def test_several_receivers_get_what_they_want(start: Start, receiver: Receiver) -> None:
    async with receiving() as second, aiohttp.ClientSession() as session:
        server = start(hooks_http=receiver.url, events_to=f"{second.url}?key=s3cret", events_types="finished")
        name = await upload(await client(server, session), end=True)
        [finished] = await second.wait(1)
        await receiver.wait(3)
    assert (finished.json["type"], finished.json["subject"]) == ("tusdpy.upload.finished.v1", name)
    assert finished.path == "/hook?key=s3cret"
    assert len(second.arrivals) == 1


async def test_a_flaky_receiver_gets_events_in_order(start: Start, receiver: Receiver) -> None:
    """A receiver that fails every second attempt gets all events, those of each upload in order."""
    turns = cycle((200, 500))

    def answer(arrival: Arrival) -> web.StreamResponse:
        return status(next(turns))(arrival)

    receiver.always = answer
    async with aiohttp.ClientSession() as session:
        tus = await client(start(hooks_http=receiver.url), session)
        names = [await upload(tus, end=True) for _ in range(10)]
        await receiver.until(lambda arrivals: sum(map(len, types_by_upload(arrivals).values())) == 30)
    assert types_by_upload(receiver.arrivals) == dict.fromkeys(names, ALL)


async def test_what_was_saved_before_a_crash_is_told_after_it(start: Start, receiver: Receiver) -> None:
    receiver.always = "hang"
    server = start(hooks_http=receiver.url)
    async with aiohttp.ClientSession() as session:
        name = await upload(await client(server, session), end=True)
        await receiver.wait(1)
        await server.kill()
        receiver.always = None
        await server.start()
        arrivals = await receiver.until(lambda arrivals: len(types_by_upload(arrivals).get(name, [])) == 3)
    assert types_by_upload(arrivals) == {name: ALL}
    assert arrivals[0].id == arrivals[1].id


async def test_two_nodes_tell_each_event_once(start: Start, receiver: Receiver) -> None:
    nodes = [start(hooks_http=receiver.url, **LASTING) for _ in range(2)]
    async with aiohttp.ClientSession() as session:
        clients = [await client(node, session) for node in nodes]
        names = await asyncio.gather(*(upload(tus, end=True) for tus in clients * 10))
        await receiver.wait(60)
    assert types_by_upload(receiver.arrivals) == dict.fromkeys(names, ALL)
    assert set(Counter(arrival.id for arrival in receiver.arrivals).values()) == {1}


async def test_several_workers_tell_each_event_once(start: Start, receiver: Receiver) -> None:
    async with aiohttp.ClientSession() as session:
        tus = await client(start(hooks_http=receiver.url, workers=2, **LASTING), session)
        names = await asyncio.gather(*(upload(tus) for _ in range(10)))
        await receiver.wait(20)
    assert types_by_upload(receiver.arrivals) == dict.fromkeys(names, ALL[:2])
    assert len(receiver.arrivals) == 20


async def test_a_shutdown_waits_for_a_delivery(start: Start, receiver: Receiver) -> None:
    """A shutdown waits for the delivery under way and leaves the other events stored."""
    receiver.answers = ["hang"]
    server = start(hooks_http=receiver.url, **LASTING)
    async with aiohttp.ClientSession() as session:
        name = await upload(await client(server, session), end=True)
        await receiver.wait(1)
        stopping = asyncio.create_task(server.stop())
        await until(partial(refuses, server))
        receiver.released.set()
        assert await stopping == 0
        assert len(receiver.arrivals) == 1
        await server.start()
        await receiver.wait(3)
    assert [arrival.id.rpartition("_")[2] for arrival in receiver.arrivals] == ALL
    assert types_by_upload(receiver.arrivals) == {name: ALL}


async def test_what_a_shutdown_cuts_is_told_by_the_next_start(start: Start, receiver: Receiver) -> None:
    receiver.answers = ["hang"]
    server = start(hooks_http=receiver.url, hooks_http_timeout="20s", events_lease="300s", shutdown_timeout="500ms")
    async with aiohttp.ClientSession() as session:
        name = await upload(await client(server, session))
        await receiver.wait(1)
        assert await server.stop() == 0
        await server.start()
        await receiver.wait(3)
    assert types_by_upload(receiver.arrivals) == {name: ALL[:2]}


async def test_a_gone_receiver_is_retried_after_restart(start: Start, receiver: Receiver) -> None:
    """A receiver that answered 410 Gone gets no events until the server is restarted, and then all of them."""
    receiver.answers = [status(410)]
    server = start(hooks_http=receiver.url)
    async with aiohttp.ClientSession() as session:
        tus = await client(server, session)
        await upload(tus)
        await receiver.wait(1)
        await upload(tus)
        await server.stop()
        assert len(receiver.arrivals) == 1
        await server.start()
        await receiver.wait(5)
    assert [len(kinds) for kinds in types_by_upload(receiver.arrivals).values()] == [2, 2]


async def test_an_expiry_has_no_request(start: Start, receiver: Receiver) -> None:
    server = start(hooks_http=receiver.url, hooks_enabled_events="post-expire", expire_after="1s")
    async with aiohttp.ClientSession() as session:
        await (await client(server, session)).create(5, b"hel")
        [expired] = await receiver.wait(1, 40.0)
    assert expired.json["Event"]["HTTPRequest"] == {"Method": "", "URI": "", "RemoteAddr": "", "Header": {}}
    assert expired.json["Event"]["Upload"]["Offset"] == 3


async def test_a_command_tells_through_the_servers_receivers(start: Start, receiver: Receiver) -> None:
    server = start(hooks_http=receiver.url)
    async with aiohttp.ClientSession() as session:
        name = await upload(await client(server, session))
        assert (await server.command("uploads", "terminate", name)).code == 0
        await receiver.wait(3)
    assert types_by_upload(receiver.arrivals) == {name: ALL}


async def test_secrets_are_told_only_if_they_are_named(start: Start, receiver: Receiver) -> None:
    server = start(hooks_http=receiver.url, hooks_http_forward_headers="authorization,X-Tenant")
    fields = {"Authorization": "Bearer s3cret", "Cookie": "a=s3cret2", "X-Tenant": "t1", "X-Api-Key": "s3cret2"}
    async with aiohttp.ClientSession(headers=fields) as session:
        tus = await client(server, session)
        await tus.request("POST", f"{server.url}?token=s3cret2&a=1", upload_length=0)
        [created, _] = await receiver.wait(2)
    request = created.json["Event"]["HTTPRequest"]
    assert request["URI"] == "/files/?token=***&a=1"
    assert request["Header"]["Authorization"] == ["Bearer s3cret"]
    assert (created.headers["authorization"], created.headers["X-Tenant"]) == ("Bearer s3cret", "t1")
    assert b"s3cret2" not in created.body
