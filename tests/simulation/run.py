"""One experiment: a scenario, a plan of faults, a seed. The same three give the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

from tests.simulation.generated import drawn
from tests.simulation.loop import SimulatedLoop
from tests.simulation.network import Plan
from tests.simulation.remains import check
from tests.simulation.scanner import zipped
from tests.simulation.scenario import Scenario
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.world import World

POLL = 600.0
"""The longest pause in seconds between two looks of a node for due events, also those that other nodes have stored:
longer than in production, as each look is simulated."""
GENERATED = {"calm": True, "rough": False}
"""The names of scenarios that are generated from the seed alone; True for a calm one, in which no step causes trouble,
such as the death of a node."""


def run(scenario: str, plan: Plan, seed: int = 0) -> Sequence[str]:
    """Run the scenario of this name, in `SCENARIOS` or `GENERATED`, with the plan's faults; `seed` gives the random
    numbers. Return the requests that were sent before its end, in order. Raises an exception if a promise is broken,
    mostly an AssertionError, with notes that name the experiment and list its requests."""
    if scenario in GENERATED:
        return play(drawn(Random(seed), calm=GENERATED[scenario]).scenario(), scenario, plan, seed)
    return play(SCENARIOS[scenario], scenario, plan, seed)


def play(chosen: Scenario, name: str, plan: Plan, seed: int = 0) -> Sequence[str]:
    """Run the scenario `chosen`, which needn't be in `SCENARIOS`, and return or raise as `run` does; `name` is only for
    the notes of an exception."""
    loop = SimulatedLoop()
    loop.set_exception_handler(lambda *_: None)  # requests that no task waits for are looked at in the end
    with loop, simulated(loop, seed):
        world = World(loop, chosen.setup, plan, calm=chosen.calm and not plan)
        try:
            return loop.run_until_complete(_play(world, chosen))
        except Exception as error:
            error.add_note(f"{name} {dict(plan)} seed {seed}")
            error.add_note("\n".join(f"{n} {step} {plan.get(n, '')}" for n, step in enumerate(world.network.steps)))
            raise
        finally:
            world.network.over = True


def step(scenario: str, name: str, occurrence: int = 0, plan: Plan | None = None) -> int:
    """Return the number of a request in a run with the plan's faults, by default without any: the one at index
    `occurrence` of those that end with `name`. Raises IndexError if there is none."""
    steps = run(scenario, plan or {})
    return [number for number, step_taken in enumerate(steps) if step_taken.endswith(name)][occurrence]


@contextmanager
def simulated(loop: SimulatedLoop, seed: int) -> Iterator[None]:
    """Until the context ends, replace the real code's clock of leases, random numbers (now by `seed`), threads and ZIP
    library by simulated ones, set the pause between looks for events to `POLL`, and have aiohttp keep the connections
    of long answers."""
    dice = Random(seed)

    def token_hex(nbytes: int = 32) -> str:
        return dice.randbytes(nbytes).hex()

    with ExitStack() as patches:
        patches.enter_context(patch("tusd_py.backends.lease.elapsed", loop.time))
        patches.enter_context(patch("tusd_py.backends.leased_locks.elapsed", loop.time))
        patches.enter_context(patch("tests.simulation.shared.elapsed", loop.time))
        patches.enter_context(patch("tusd_py.storage.s3.keys.token_hex", token_hex))
        patches.enter_context(patch("secrets.token_hex", token_hex))
        patches.enter_context(patch("random.uniform", dice.uniform))
        patches.enter_context(patch("asyncio.to_thread", _at_once))
        patches.enter_context(patch("tusd_py.http.connection.internals.FORGETS_CONNECTIONS", new=False))
        patches.enter_context(patch("tusd_py.jobs.kinds.export.async_stream_zip", zipped))
        patches.enter_context(patch("tusd_py.events_out.lane._POLL_SECONDS", POLL))
        yield


async def _at_once(work: Callable[..., Any], *args: Any) -> Any:
    """Return the result of `work`: replaces `asyncio.to_thread`, as a thread has no simulated clock."""
    return work(*args)


async def _play(world: World, scenario: Scenario) -> Sequence[str]:
    await scenario.play(world)
    steps = list(world.network.steps)
    await world.settle()
    check(world)
    return steps
