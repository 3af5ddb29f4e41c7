"""Scenarios of tus and IETF clients, and all scenarios that aren't generated, by their names."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from tests.simulation import direct_scenarios, event_scenarios
from tests.simulation.client import Client, Vanished
from tests.simulation.contents import content
from tests.simulation.crew_scenarios import WITH_CREW
from tests.simulation.ietf import IetfClient
from tests.simulation.network import LONG, OUTAGE
from tests.simulation.scenario import Scenario
from tests.simulation.setup import Setup
from tests.simulation.world import Violation, World
from tusd_py.domain.upload import Kind


async def _one_patch(world: World) -> None:
    client = Client(world, content(29))
    await client.create()
    await client.upload()
    await client.download()


async def _slow_patches(world: World) -> None:
    """Send bytes so slowly that a request to S3 delayed by 0.5 s can take effect while the upload goes on."""
    client = Client(world, content(37), gap=0.1)
    await client.create()
    await client.upload(piece=19)
    await client.download()


async def _away(world: World) -> None:
    """Break off an upload, collect garbage while the client is away, and finish the upload."""
    client = Client(world, content(27))
    await client.create()
    await client.cut(14)
    await asyncio.sleep(1)
    await world.tidy()
    await asyncio.sleep(LONG)
    await client.upload()


async def _one_object(world: World) -> None:
    client = Client(world, content(7))
    await client.create()
    await client.upload()
    await client.download()


async def _with_creation(world: World) -> None:
    client = Client(world, content(21))
    await client.create(first=21)
    await client.upload()


async def _many_patches(world: World) -> None:
    client = Client(world, content(19))
    await client.create()
    await client.upload(piece=3)


async def _cut(world: World) -> None:
    client = Client(world, content(27))
    await client.create()
    await client.cut(6)
    with suppress(Vanished):
        await client.cut(14)
    await client.upload()


async def _deferred(world: World) -> None:
    client = Client(world, content(20))
    await client.create(deferred=True)
    await client.upload(piece=6, declares=True)


async def _checksum(world: World) -> None:
    client = Client(world, content(30))
    await client.create()
    await client.upload(piece=11, checksum="sha1")


async def _damaged(world: World) -> None:
    client = Client(world, content(30))
    await client.create()
    await client.corrupt(13)
    await client.upload(piece=11, checksum="sha1")


async def _two_nodes(world: World) -> None:
    client = Client(world, content(26), roams=True)
    await client.create()
    await client.upload(piece=5)


async def _concatenation(world: World) -> None:
    first, second = Client(world, content(11)), Client(world, content(9))
    for part in (first, second):
        await part.create(Kind.PARTIAL)
        await part.upload()
    final = Client(world, first.content + second.content)
    await final.create(Kind.FINAL, partials=(first.upload_id, second.upload_id))
    await final.download()


async def _small_partials(world: World) -> None:
    """Join two partial uploads, each of them so small that it is one object, stored by one PutObject."""
    first, second = Client(world, content(7)), Client(world, content(5))
    for part in (first, second):
        await part.create(Kind.PARTIAL)
        await part.upload()
    await asyncio.sleep(1)
    final = Client(world, first.content + second.content)
    await final.create(Kind.FINAL, partials=(first.upload_id, second.upload_id))
    await final.download()


async def _terminate(world: World) -> None:
    client = Client(world, content(40), gap=0.05)
    await client.create()

    async def write() -> None:
        with suppress(Vanished):
            await client.upload()

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.4)
    await client.terminate()
    await writing


async def _terminate_done(world: World) -> None:
    client = Client(world, content(12))
    await client.create()
    await client.upload()
    await client.terminate()


async def _terminate_one_object(world: World) -> None:
    client = Client(world, content(7))
    await client.create()
    await client.upload()
    await client.terminate()


async def _empty(world: World) -> None:
    client = Client(world, b"")
    await client.create()
    await client.download()


async def _takeover(world: World) -> None:
    """Continue an upload by further requests of its client, played by another `Client`, while the client's first
    request still sends bytes."""
    client = Client(world, content(30), gap=0.3)
    await client.create()
    successor = Client(world, client.content, roams=True)
    successor.url, successor._at = client.url, 1
    first = asyncio.create_task(client.upload())
    await asyncio.sleep(1.5)
    await successor.upload(piece=7)
    await first


async def _expiry(world: World) -> None:
    client = Client(world, content(30))
    await client.create()
    await client.cut(19)
    await asyncio.sleep(world.setup.expire_after + 1)
    await world.sweep()


async def _tight(world: World) -> None:
    clients = [Client(world, content(21 + extra)) for extra in range(2)]
    for client in clients:
        await client.create()
    await asyncio.gather(*(client.upload() for client in clients))


async def _ietf_whole(world: World) -> None:
    client = IetfClient(world, content(29))
    await client.begin()
    await client.go_on()
    await client.download()


async def _ietf_pieces(world: World) -> None:
    """Send all bytes before a last request, which has none, completes the upload."""
    client = IetfClient(world, content(21), roams=True)
    await client.begin(first=5)
    await client.go_on(piece=8)
    await client.download()


async def _ietf_small(world: World) -> None:
    client = IetfClient(world, content(7))
    await client.begin(first=3)
    await client.go_on(piece=4)
    await client.download()


async def _ietf_too_long(world: World) -> None:
    """Send more bytes than the declared length, repeatedly until the server answers that the upload is gone."""
    client = IetfClient(world, content(20))
    await client.begin(first=5)
    await client.go_on(7, until=12)
    await client.surpass(9)


async def _ietf_spoiled(world: World) -> None:
    """Send bytes that don't have the announced digest: a server that accepts them breaks a promise."""
    client = IetfClient(world, content(20), announced=content(19))
    with suppress(Vanished):
        await client.begin(first=5)
        await client.go_on()
        raise Violation("other bytes were taken than those that were announced")


async def _ietf_spoiled_small(world: World) -> None:
    """Send bytes that don't have the announced digest, so few that they would be one object, without parts."""
    client = IetfClient(world, content(7), announced=content(6))
    with suppress(Vanished):
        await client.begin(first=3)
        await client.go_on(piece=4)
        raise Violation("other bytes were taken than those that were announced")


async def _lost_state(world: World) -> None:
    """Replace the state by an empty one during an upload: an operator runs repair, and the client continues."""
    client, second = Client(world, content(19)), Client(world, content(3))
    await client.create()
    await client.cut(11)
    await client.look()
    await second.create(first=3)
    world.lose_state()
    for _ in range(4):  # one more than there are faults at the most
        await world.repair()
        await asyncio.sleep(OUTAGE)
    try:
        await client.upload()
    except Vanished:
        if client.offset:
            raise


SCENARIOS: Mapping[str, Scenario] = {
    "one-patch": Scenario(play=_one_patch),
    "slow-patches-opaque-etags": Scenario(play=_slow_patches, setup=Setup(opaque_etags=True, total_size=True)),
    "away": Scenario(play=_away),
    "one-object": Scenario(play=_one_object),
    "with-creation": Scenario(play=_with_creation),
    "many-patches": Scenario(play=_many_patches),
    "cut": Scenario(play=_cut),
    "deferred-length": Scenario(play=_deferred),
    "checksum": Scenario(play=_checksum),
    "damaged": Scenario(play=_damaged),
    "two-nodes": Scenario(play=_two_nodes),
    "takeover-opaque-etags": Scenario(play=_takeover, setup=Setup(opaque_etags=True)),
    "concatenation": Scenario(play=_concatenation),
    "terminate-while-writing": Scenario(play=_terminate),
    "terminate-done": Scenario(play=_terminate_done),
    "terminate-one-object": Scenario(play=_terminate_one_object),
    "empty": Scenario(play=_empty),
    "one-object-opaque-etags": Scenario(play=_one_object, setup=Setup(opaque_etags=True)),
    "concatenation-opaque-etags": Scenario(play=_concatenation, setup=Setup(opaque_etags=True)),
    "small-partials-opaque-etags": Scenario(play=_small_partials, setup=Setup(opaque_etags=True)),
    "ietf-whole": Scenario(play=_ietf_whole),
    "ietf-pieces": Scenario(play=_ietf_pieces),
    "ietf-small": Scenario(play=_ietf_small),
    "direct-parts": Scenario(play=direct_scenarios.parts, setup=Setup(total_size=True)),
    "direct-twice-opaque-etags": Scenario(play=direct_scenarios.twice, setup=Setup(opaque_etags=True)),
    "direct-abort": Scenario(play=direct_scenarios.abort),
    "direct-left": Scenario(play=direct_scenarios.abandon),
    "direct-whole": Scenario(play=direct_scenarios.whole),
    "direct-unasked": Scenario(play=direct_scenarios.unasked),
    "direct-too-long": Scenario(play=direct_scenarios.too_long, setup=Setup(max_length=16), calm=False),
    "direct-too-many": Scenario(play=direct_scenarios.too_many, calm=False),
    "direct-replaced": Scenario(play=direct_scenarios.replaced, calm=False),
    "ietf-too-long": Scenario(play=_ietf_too_long),
    "ietf-spoiled": Scenario(play=_ietf_spoiled, calm=False),
    "ietf-spoiled-small": Scenario(play=_ietf_spoiled_small, calm=False),
    "events": Scenario(play=event_scenarios.whole_life, setup=event_scenarios.PATIENT),
    "events-two-nodes": Scenario(play=event_scenarios.two_nodes, setup=event_scenarios.PATIENT),
    "events-shutdown": Scenario(play=event_scenarios.shutdown, setup=event_scenarios.PATIENT),
    "events-shutdown-silent": Scenario(play=event_scenarios.silent_shutdown, setup=event_scenarios.PATIENT, calm=False),
    "events-away": Scenario(play=event_scenarios.away, setup=event_scenarios.STANDARD, calm=False),
    "events-silent": Scenario(play=event_scenarios.silent, setup=event_scenarios.PATIENT, calm=False),
    "events-dead": Scenario(play=event_scenarios.dead, setup=event_scenarios.HASTY, calm=False),
    "events-dead-strict": Scenario(play=event_scenarios.dead, setup=event_scenarios.STRICT, calm=False),
    "events-resent": Scenario(play=event_scenarios.resent, setup=event_scenarios.PATIENT, calm=False),
    "lost-state": Scenario(play=_lost_state, setup=Setup(info_objects=True, paired=True), calm=False),
    "expiry": Scenario(play=_expiry),
    "tight-memory": Scenario(play=_tight, setup=Setup(budget=16)),
    **WITH_CREW,
}
