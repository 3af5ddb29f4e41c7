from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.settings_table import NOTHING, README, defaults, renewed
from tusd_py.config import Settings, load_settings
from tusd_py.domain.refusals import Refusal, ServiceUnavailable
from tusd_py.telemetry.metrics import Metrics
from tusd_py.transfer.budget import Budget

ROOT = README.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def test_the_readme_has_the_settings_as_they_are() -> None:
    text = README.read_text()
    assert all(f"`TUSD_PY_{setting.upper()}`" in text for setting in Settings.model_fields)
    assert renewed(text) == text, "run: make docs"


def test_the_defaults_in_the_readme_mean_the_defaults_when_written_out() -> None:
    written = {setting: default for setting, default in defaults().items() if default != NOTHING}
    assert load_settings(written, None, {}) == Settings()


def test_every_metric_is_explained_and_no_other() -> None:
    budget = Budget(0)
    families = Metrics(lambda: budget.used, budget.limit).registry.collect()
    counted = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    assert set(re.findall(r"^\| `(tusdpy_\w+)", OPERATIONS, re.MULTILINE)) == counted


def test_every_error_code_is_explained_and_no_other() -> None:
    codes = {refusal.code for refusal in (*Refusal.__subclasses__(), *ServiceUnavailable.__subclasses__())}
    assert set(re.findall(r"^\| `([a-z-]+)` \| \d{3}", OPERATIONS, re.MULTILINE)) == codes


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
