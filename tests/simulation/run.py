"""One experiment: a scenario, a plan of faults, a seed. The same three give the same run."""

from __future__ import annotations

from collections.abc import Sequence

from tests.simulation.loop import SimulatedLoop
from tests.simulation.network import Plan
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.world import World, simulated


def run(scenario: str, plan: Plan, seed: int = 0) -> Sequence[str]:
    """The requests it took, in order. What it raises names the experiment and lists them."""
    chosen = SCENARIOS[scenario]
    loop = SimulatedLoop()
    loop.set_exception_handler(lambda *_: None)  # requests that nobody waits for are looked at in the end
    with loop, simulated(loop, seed):
        world = World(loop, chosen.setup, plan)
        try:
            return loop.run_until_complete(_play(world, scenario))
        except Exception as error:
            error.add_note(f"{scenario} {dict(plan)} seed {seed}")
            error.add_note("\n".join(f"{n} {step} {plan.get(n, '')}" for n, step in enumerate(world.network.steps)))
            raise
        finally:
            world.network.over = True


def step(scenario: str, name: str, occurrence: int = 0) -> int:
    """The number of a request in an undisturbed run: of those whose name ends so, the `occurrence`-th."""
    return [number for number, taken in enumerate(run(scenario, {})) if taken.endswith(name)][occurrence]


async def _play(world: World, scenario: str) -> Sequence[str]:
    await SCENARIOS[scenario].play(world)
    steps = list(world.network.steps)
    await world.settle()
    world.check()
    return steps
