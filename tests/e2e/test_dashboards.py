"""The dashboard and the alerts in config/ name metrics and labels that a server has."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families

from devtools.seaweed import SeaweedFS
from tests.support.bucket import Bucket
from tests.support.promql import SCRAPED, Names, names
from tests.support.receiver import receiving
from tests.support.server import serving
from tests.support.tus import TusClient, until

CONFIG = Path(__file__).parents[2] / "config"
DOCUMENT = CONFIG.parent / "docs" / "telemetry.md"

Labels = Mapping[str, frozenset[str]]


def dashboard() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = json.loads((CONFIG / "grafana" / "tusd-py.json").read_text())
    return loaded


def rules() -> Sequence[Mapping[str, Any]]:
    groups = yaml.safe_load((CONFIG / "prometheus" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def targets() -> Sequence[Mapping[str, Any]]:
    return [target for panel in dashboard()["panels"] for target in panel.get("targets", ())]


def queries() -> Mapping[str, Names]:
    """Return the metrics and labels that each query of the dashboard and the alerts names, by the query's text."""
    expressions = [*(target["expr"] for target in targets()), *(rule["expr"] for rule in rules())]
    return {query: names(query) for query in expressions}


async def labels_after_a_run(folder: Path, seaweed: SeaweedFS) -> Labels:
    """Return the label names of each sample on /metrics, by the sample's name, after an upload, a download, a HEAD of
    an unknown id and calls of a hook."""
    bucket = Bucket(seaweed)
    async with (
        receiving() as hook,
        serving(folder, environment=bucket.environment, hooks_http=hook.url, **bucket.settings) as server,
        server.session() as session,
    ):
        tus = TusClient(session, server.url)
        await tus.get(await tus.create(3, b"abc"))
        await tus.head(tus.url + "0" * 32)
        await hook.wait(3)

        async def complete() -> bool:
            async with session.get(f"{server.origin}/metrics") as answer:
                return "tusdpy_events_dead{" in await answer.text()

        await until(complete)
        async with session.get(f"{server.origin}/metrics") as answer:
            families = text_string_to_metric_families(await answer.text())
            return {sample.name: frozenset(sample.labels) for family in families for sample in family.samples}


async def test_every_metric_and_label_is_on_a_running_server(tmp_path: Path, seaweed: SeaweedFS) -> None:
    available = await labels_after_a_run(tmp_path, seaweed)
    for query, query_names in queries().items():
        assert query_names.metrics, query
        assert query_names.metrics - available.keys() == set(), query
        for metric in query_names.metrics:
            assert query_names.labels - available[metric] - SCRAPED == set(), query
        for metric, label in query_names.selected:
            assert label in available[metric] | SCRAPED, query


def test_what_is_shown_of_an_answer_is_in_it() -> None:
    legends = [(target["expr"], re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) for target in targets()]
    legends += [(rule["expr"], re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) for rule in rules()]
    for query, labels in legends:
        grouped = names(query).labels
        assert set(labels) <= (grouped or SCRAPED), query


def test_each_alert_is_explained() -> None:
    alerts = [rule["alert"] for rule in rules()]
    assert len(set(alerts)) == len(alerts)
    text = DOCUMENT.read_text()
    assert [alert for alert in alerts if f"| `{alert}` |" not in text] == []


def test_the_dashboard_can_be_imported() -> None:
    document = dashboard()
    source = {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}
    assert [entry["name"] for entry in document["__inputs"]] == ["DS_PROMETHEUS"]
    assert all(place["datasource"] == source for place in [*targets(), *document["templating"]["list"]])
    panels = document["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [cell for panel in panels for cell in _cells(**panel["gridPos"])]
    assert len(set(cells)) == len(cells), "panels overlap"


def _cells(x: int, y: int, w: int, h: int) -> Sequence[tuple[int, int]]:
    return [(column, row) for column in range(x, x + w) for row in range(y, y + h)]


@pytest.mark.parametrize(
    ("query", "metrics", "labels", "selected"),
    [
        ("tusdpy_a", {"tusdpy_a"}, set(), set()),
        ('sum by (x, y) (rate(tusdpy_a{z="v", w=~"tusdpy_c"}[5m]))', {"tusdpy_a"}, {"x", "y"}, {"z", "w"}),
        ("absent(tusdpy_a) or max(tusdpy_b) > 0.9", {"tusdpy_a", "tusdpy_b"}, set(), set()),
    ],
)
def test_names_are_found(query: str, metrics: set[str], labels: set[str], selected: set[str]) -> None:
    result = names(query)
    assert (set(result.metrics), set(result.labels)) == (metrics, labels)
    assert {label for _, label in result.selected} == selected


def test_a_misspelt_metric_is_no_word() -> None:
    with pytest.raises(ValueError, match="no metric and no function: tusd_a"):
        names("rate(tusd_a[5m])")
