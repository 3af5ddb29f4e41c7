"""Steps of a client, its world or an operator, one value each: tracks of a generated scenario have lists of these.

Their `repr` is Python that makes them again, so that a scenario that fails can be kept.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from tests.simulation.client import Client
from tests.simulation.ietf import IetfClient
from tests.simulation.losses import Loot, rob
from tests.simulation.telling import resend
from tusd_py.ports.outbox import DeliveryState


class Step(Protocol):
    async def play(self, client: Client) -> None:
        """Take this step, by the client or in its world. Raises Vanished if the upload isn't there any more, Violation
        if a promise is broken."""


@dataclass(frozen=True, slots=True)
class Send:
    """A step of the client: it sends requests of `size` bytes until `times` as many bytes more, or all of its bytes,
    are stored."""

    size: int
    times: int = 1
    checksum: str | None = None
    chunked: bool = False
    declares: bool = False
    """True if the request with the last byte declares the deferred length."""

    async def play(self, client: Client) -> None:
        until = min(client.offset + self.size * self.times, len(client.content))
        if isinstance(client, IetfClient):
            await client.go_on(self.size, until=until, checksum=self.checksum, chunked=self.chunked)
        else:
            await client.upload(
                piece=self.size, until=until, checksum=self.checksum, chunked=self.chunked, declares=self.declares
            )


@dataclass(frozen=True, slots=True)
class Cut:
    """A step of the client: it sends a request whose connection breaks after `size` bytes."""

    size: int

    async def play(self, client: Client) -> None:
        await client.cut(self.size)


@dataclass(frozen=True, slots=True)
class Stall:
    """A step of the client: it sends `size` bytes of a request, then nothing more, and goes on with other requests."""

    size: int

    async def play(self, client: Client) -> None:
        client.leave(self.size, stalls=True)


@dataclass(frozen=True, slots=True)
class Race:
    """A step of the client: it sends a request of which `size` bytes arrive, and goes on with others before that
    ends."""

    size: int

    async def play(self, client: Client) -> None:
        client.leave(self.size, stalls=False)


@dataclass(frozen=True, slots=True)
class Damage:
    """A step of the client: it sends `size` bytes that don't agree with their checksum."""

    size: int

    async def play(self, client: Client) -> None:
        await client.corrupt(self.size)


@dataclass(frozen=True, slots=True)
class Exceed:
    """A step of the client: it sends `surplus` bytes more than the upload has left, in a body without a declared
    length."""

    surplus: int

    async def play(self, client: Client) -> None:
        await client.exceed(self.surplus)


@dataclass(frozen=True, slots=True)
class Astray:
    """A step of the client: it sends one byte at a wrong offset, unless stored bytes of the upload were taken away."""

    async def play(self, client: Client) -> None:
        await client.astray()


@dataclass(frozen=True, slots=True)
class Look:
    """A step of the client: it asks for the offset with HEAD until a node answers."""

    async def play(self, client: Client) -> None:
        await client.look()


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float

    async def play(self, client: Client) -> None:  # noqa: ARG002 (the protocol's signature)
        await asyncio.sleep(self.seconds)


@dataclass(frozen=True, slots=True)
class Hop:
    """A step of the client: its next request goes to the other node."""

    async def play(self, client: Client) -> None:
        client.hop()


@dataclass(frozen=True, slots=True)
class Restart:
    """A node is replaced by a new process: nothing fails, but what it had in memory is gone."""

    node: int

    async def play(self, client: Client) -> None:
        client.world.restart(self.node)


@dataclass(frozen=True, slots=True)
class Kill:
    """A step of the world: a node dies, with all that it is doing; with `noticed`, the other node knows it at once."""

    node: int
    noticed: bool

    async def play(self, client: Client) -> None:
        client.world.kill(self.node, noticed=self.noticed)


@dataclass(frozen=True, slots=True)
class Squeeze:
    """A step of the world: nearly all of a node's memory budget is taken for `seconds`."""

    node: int
    seconds: float

    async def play(self, client: Client) -> None:
        await client.world.squeeze(self.node, self.seconds)


@dataclass(frozen=True, slots=True)
class Rob:
    """A step of the world: the upload's bytes of the kind `loot` are lost from the bucket, if there are any."""

    loot: Loot

    async def play(self, client: Client) -> None:
        rob(client.world, client.upload_id, self.loot)


@dataclass(frozen=True, slots=True)
class Fill:
    """A step of the world: for `seconds` the state reports no free space, so that nodes take nothing new. The track
    goes on after that."""

    seconds: float

    async def play(self, client: Client) -> None:
        await client.world.fill("state", self.seconds)


@dataclass(frozen=True, slots=True)
class Away:
    """The receiver of events refuses them for a while."""

    seconds: float

    async def play(self, client: Client) -> None:
        client.world.receiver.leave(self.seconds)


@dataclass(frozen=True, slots=True)
class Hush:
    """A step of the world: the receiver of events answers none for `seconds`; with `hears` it records them
    nevertheless."""

    seconds: float
    hears: bool

    async def play(self, client: Client) -> None:
        client.world.receiver.hush(self.seconds, hears=self.hears)


@dataclass(frozen=True, slots=True)
class Resend:
    """A step of an operator: all events whose delivery is in this state are sent again."""

    state: DeliveryState

    async def play(self, client: Client) -> None:
        resend(client.world, self.state)


@dataclass(frozen=True, slots=True)
class Sweep:
    async def play(self, client: Client) -> None:
        await client.world.sweep()


@dataclass(frozen=True, slots=True)
class Tidy:
    async def play(self, client: Client) -> None:
        await client.world.tidy()


@dataclass(frozen=True, slots=True)
class Repair:
    async def play(self, client: Client) -> None:
        await client.world.repair()
