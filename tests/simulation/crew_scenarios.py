"""The scenarios of listeners, jobs and exports, by their names."""

from __future__ import annotations

from collections.abc import Mapping

from tests.simulation import job_scenarios, live_scenarios
from tests.simulation.scenario import Scenario

WITH_CREW: Mapping[str, Scenario] = {
    "live": Scenario(play=live_scenarios.finished, setup=live_scenarios.MESSAGES),
    "live-commits": Scenario(play=live_scenarios.two_nodes, setup=live_scenarios.COMMITS),
    "live-ends": Scenario(play=live_scenarios.ends, setup=live_scenarios.HASTY),
    "live-shutdown": Scenario(play=live_scenarios.shutdown, setup=live_scenarios.MESSAGES),
    "jobs": Scenario(play=job_scenarios.on_finish, setup=job_scenarios.ON_FINISH),
    "jobs-infected": Scenario(play=job_scenarios.infected, setup=job_scenarios.SCANNED),
    "jobs-cancelled": Scenario(play=job_scenarios.cancelled, setup=job_scenarios.ASKED),
    "jobs-terminated": Scenario(play=job_scenarios.terminated, setup=job_scenarios.SCANNED),
    "jobs-shutdown": Scenario(play=job_scenarios.shutdown, setup=job_scenarios.ASKED),
    "jobs-hasty": Scenario(play=job_scenarios.hasty, setup=job_scenarios.HASTY),
    "exports": Scenario(play=job_scenarios.exports, setup=job_scenarios.EXPORTS),
    "exports-cancelled": Scenario(play=job_scenarios.cancelled_export, setup=job_scenarios.EXPORTS),
    "exports-missing": Scenario(play=job_scenarios.missing, setup=job_scenarios.EXPORTS),
}
