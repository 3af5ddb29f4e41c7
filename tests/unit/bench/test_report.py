from __future__ import annotations

from pathlib import Path

import pytest

from bench import systems
from bench.figures import bulk, growth
from bench.report import page
from bench.report.columns import CPU
from bench.report.goals import Check, Goals
from bench.results import Results, Sample, read


def sample(system: str, case: str, **values: float) -> Sample:
    return Sample(figure=bulk.CPU, system=system, case=case, values=values)


@pytest.fixture
def results() -> Results:
    plain, nginx = systems.PLAIN.name, systems.NGINX.name
    costs = [sample(plain, "1", cpu_per_gib=cost) for cost in (1.2, 1.0, 1.1)]
    return Results(samples=[*costs, sample(nginx, "1", cpu_per_gib=1.0)], missing={"rustus (disk)": "no cargo"})


def test_a_value_is_the_median_with_its_spread(results: Results) -> None:
    assert CPU.spread(results.spread(bulk.CPU, systems.PLAIN.name, "1", "cpu_per_gib")) == "1.1 (1–1.2)"
    assert CPU.spread(None) == "–"


def test_raw_results_survive_their_file(results: Results, tmp_path: Path) -> None:
    results.write(tmp_path / "raw.json")
    assert read(tmp_path / "raw.json") == results


def test_a_figure_that_is_measured_again_is_forgotten_first(results: Results) -> None:
    results.failures.append(f"{bulk.CPU}, tusd: it ended")
    results.forget(bulk.CPU)
    assert (results.samples, results.failures) == ([], [])


@pytest.mark.parametrize(("measured", "met"), [(1.4, True), (1.5, False), (None, None)])
def test_a_goal_is_met_missed_or_unknown(measured: float | None, met: bool | None) -> None:  # noqa: FBT001
    assert Check(label="nginx", measured=measured, limit=1.4).met is met


def test_goals_tell_what_was_not_measured(results: Results) -> None:
    table = Goals(results).table()
    assert "nginx, 1: 1.1×" in table
    assert "nginx, 16: not measured" in table


def test_the_page_has_tables_plots_and_what_is_missing(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(page, "PLOTS", tmp_path / "plots")
    grown = (Sample(figure=growth.NAME, system="tusd-py", case=c, values={"cpu_per_gib": 1.0}) for c in ("1", "2"))
    results.samples += grown
    page.write(results)
    text = (tmp_path / "page.md").read_text()
    assert "- rustus (disk): no cargo" in text
    assert "| nginx, unbuffered | 1 |" in text
    assert "polyline" in (tmp_path / "plots" / "growth.svg").read_text()
    assert "1.1" in (tmp_path / "plots" / "cpu.svg").read_text()
