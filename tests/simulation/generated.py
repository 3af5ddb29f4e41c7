"""Random programs: uploads by tus, IETF and direct clients, and what nodes and operators of a simulated world do
meanwhile; no listeners, jobs or exports. The same random numbers give the same program.

A `calm` program causes no trouble itself: no node dies, no stored bytes are taken away, and the receiver of events
answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from tests.simulation.event_scenarios import HASTY, HOUR, PATIENT
from tests.simulation.losses import Loot
from tests.simulation.network import FAULTS, Plan
from tests.simulation.program import End, Joined, Journey, Program, Straight, Track
from tests.simulation.setup import EXPIRE_AFTER, LOW, Setup
from tests.simulation.steps import (
    Astray,
    Away,
    Cut,
    Damage,
    Exceed,
    Fill,
    Hop,
    Hush,
    Kill,
    Look,
    Race,
    Repair,
    Resend,
    Restart,
    Rob,
    Send,
    Squeeze,
    Stall,
    Step,
    Sweep,
    Tidy,
    Wait,
)
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.ports.outbox import DeliveryState
from tusd_py.storage.s3.options import Checksum

_ENDS: Sequence[End] = ("finish", "finish", "finish", "download", "leave", "terminate")
_PAUSES = (0.02, 0.3, 2.0, 20.0, 90.0)
_MOST_STEPS = 12


def drawn(dice: Random, *, calm: bool) -> Program:
    """Return a random program of one to three tracks, each of one or more uploads, that run at the same time. With
    `calm`, no step of it kills a node, takes stored bytes away or disturbs the delivery of events."""
    setup = _setup(dice)
    make = _Maker(dice, setup.part_size, calm=calm)
    tracks = tuple(make.track() for _ in range(dice.choice((1, 1, 1, 2, 2, 3))))
    return Program(tracks=tracks, setup=_provided(dice, setup))


def _provided(dice: Random, setup: Setup) -> Setup:
    """Return the setup with random limits of an S3 provider, and a random number of parts sent at a time."""
    return replace(
        setup,
        max_part=dice.choice((setup.max_part, 160)),
        equal_parts=dice.choice((False, False, True)),
        concurrency=dice.choice((2, 1, 3)),
        listed=dice.choice((setup.listed, 2)),
    )


def disturbed(dice: Random, steps: Sequence[str]) -> Plan:
    """Return a plan with one to three random faults. `steps` are the requests of the same run without faults; as faults
    change a run, some of the plan's numbers may be beyond the last of them."""
    at = dice.choice((_anywhere, _anywhere, at_some_kind))
    return {at(dice, steps): dice.choice(list(FAULTS)) for _ in range(dice.choice((1, 2, 3)))}


def _anywhere(dice: Random, steps: Sequence[str]) -> int:
    return dice.randrange(len(steps) + len(steps) // 4 + 1)


def at_some_kind(dice: Random, steps: Sequence[str]) -> int:
    """Return the index of a random request in `steps`, each `NODE SERVICE.OPERATION`; 0 if there are none. All
    operations are equally likely, also those that are rare in `steps`."""
    kinds = [step.partition(" ")[2] for step in steps]
    chosen = dice.choice(sorted(set(kinds)) or [""])
    return dice.choice([number for number, kind in enumerate(kinds) if kind == chosen] or [0])


def _setup(dice: Random) -> Setup:
    part_size = dice.choice((8, 8, 24, 64))
    pauses: Sequence[Sequence[float]] = ((), (), PATIENT.pauses, HASTY.pauses)
    checksum: Checksum = dice.choice(("crc32c", "crc32c", "md5", "none"))
    return Setup(
        part_size=part_size,
        budget=dice.choice((1000, 2 * part_size, 3 * part_size + 2)),
        opaque_etags=checksum == "crc32c" and dice.choice((False, True)),  # else S3 tells nothing of a part's bytes
        total_size=dice.choice((False, True)),
        max_parts=dice.choice((10_000, 10)),
        checksum=checksum,
        info_objects=dice.choice((False, False, True)),
        remembers_ended=dice.choice((False, False, True)),
        paired=dice.choice((False, False, True)),
        pauses=dice.choice(pauses),
        strict=dice.choice((False, True)),
        thresholds=dice.choice((LOW, LOW, DEFAULT)),
    )


class _Maker:
    def __init__(self, dice: Random, part: int, *, calm: bool) -> None:
        self._dice, self._part, self._calm = dice, part, calm
        self._own: Sequence[Callable[[], Step]] = (
            self._send,
            self._send,
            self._send,
            lambda: Cut(self._size()),
            lambda: Stall(self._size()),
            lambda: Race(self._size()),
            lambda: Damage(min(self._size(), 2 * part)),  # more than is held back may land late, as documented
            lambda: Exceed(self._size()),
            Astray,
            Look,
        )
        self._common: Sequence[Callable[[], Step]] = (
            lambda: Wait(dice.choice(_PAUSES)),
            Hop,
            lambda: Restart(dice.randrange(2)),
            lambda: Squeeze(dice.randrange(2), dice.choice((0.0, *_PAUSES))),
            Sweep,
            Tidy,
            Repair,
            lambda: Fill(dice.choice(_PAUSES)),
            *(() if calm else (lambda: Kill(dice.randrange(2), dice.choice((False, True))), self._rob)),
            *(() if calm else (self._deafen, lambda: Resend(dice.choice(list(DeliveryState))))),
        )

    def track(self) -> Track:
        return self._dice.choice((self._journey, self._journey, self._journey, self._joined, self._straight))()

    def _journey(self) -> Journey:
        steps = self._steps((*self._own, *self._common))
        if self._dice.randrange(8) == 0:
            steps = (*steps, Wait(EXPIRE_AFTER + 1), *self._steps((*self._own, *self._common)))
        return self._through(steps, self._dice.choice(_ENDS), ietf=self._dice.choice((False, False, True)))

    def _joined(self) -> Joined:
        partials = [
            self._through(self._steps((*self._own, *self._common)), "finish", ietf=False)
            for _ in range(self._dice.choice((1, 2, 3)))
        ]
        return Joined(partials=tuple(partials), end=self._dice.choice(_ENDS))

    def _through(self, steps: Sequence[Step], end: End, *, ietf: bool) -> Journey:
        dice, length = self._dice, self._length()
        deferred = not ietf and dice.choice((False, False, True))
        if deferred:
            steps = [_deferred(step) for step in steps if not isinstance(step, Exceed)]
        return Journey(
            length=length,
            steps=tuple(steps),
            end=end,
            ietf=ietf,
            deferred=deferred,
            first=dice.choice((None, None, min(self._size(), length))),
            chunk=dice.choice((3, 1, 5)),
            gap=dice.choice((0.01, 0.001, 0.05)),  # never so slow that a client loses patience with itself
            roams=dice.choice((False, False, True)),
        )

    def _straight(self) -> Straight:
        dice = self._dice
        return Straight(
            length=max(self._length(), 1),
            whole=dice.choice((False, True)),
            with_length=dice.choice((False, True)),
            late=dice.choice((False, True)),
            before=self._steps(self._common),
            after=self._steps(self._common),
            end=dice.choice(_ENDS),
        )

    def _steps(self, kinds: Sequence[Callable[[], Step]]) -> Sequence[Step]:
        return tuple(self._dice.choice(kinds)() for _ in range(self._dice.randrange(_MOST_STEPS)))

    def _send(self) -> Send:
        dice, small = self._dice, self._dice.choice((False, True))
        return Send(
            size=dice.randint(1, 3) if small else self._size(),
            times=dice.choice((1, 5, 18, 40, 200)) if small else dice.choice((1, 1, 2)),
            checksum=dice.choice((None, None, None, "sha1")),
            chunked=dice.choice((False, False, True)),
        )

    def _rob(self) -> Rob:
        loot: Sequence[Loot] = ("segments", "part", "multipart", "object")
        return Rob(self._dice.choice(loot))

    def _deafen(self) -> Step:
        seconds, hears = self._dice.choice((*_PAUSES, 3 * HOUR)), self._dice.choice((False, True))
        return self._dice.choice((Away(seconds), Hush(seconds, hears)))

    def _size(self) -> int:
        """Return a random size of a request in bytes, often at or next to a multiple of the part size."""
        dice, part = self._dice, self._part
        return dice.choice((1, dice.randint(1, part), part - 1, part, part + 1, 2 * part, dice.randint(1, 3 * part)))

    def _length(self) -> int:
        """Return a random length of an upload in bytes."""
        dice, part = self._dice, self._part
        return dice.choice((0, 1, dice.randint(1, part), part, 2 * part, dice.randint(1, 4 * part), 200))


def _deferred(step: Step) -> Step:
    return Send(step.size, step.times, step.checksum, step.chunked, declares=True) if isinstance(step, Send) else step
