from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from scripts.settings_table import NOTHING, SETTINGS, THEMES, defaults, renewed
from tusd_py.config import Settings, load_settings
from tusd_py.protocol.statuses import STATUS
from tusd_py.telemetry.metrics import Metrics
from tusd_py.transfer.budget import Budget

ROOT = SETTINGS.parents[1]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
PAGES = sorted(page for glob in ("*.md", "docs/**/*.md", "tests/*.md", ".github/**/*.md") for page in ROOT.glob(glob))
DESIGN = ROOT / "docs" / "design.md"
EMBED = ROOT / "docs" / "tutorials" / "embed.md"
UPLOAD = {
    "Authorization": "Bearer change-me",
    "Tus-Resumable": "1.0.0",
    "Upload-Length": "5",
    "Content-Type": "application/offset+octet-stream",
}


def test_the_document_has_the_settings_as_they_are() -> None:
    text = SETTINGS.read_text()
    assert all(f"`TUSD_PY_{setting.upper()}`" in text for setting in Settings.model_fields)
    assert renewed(text) == text, "run: make docs"


def test_each_theme_begins_with_a_setting() -> None:
    """`THEMES` has the headings of docs/settings.md, each by the setting that it begins with: each key names a setting,
    the first key the first setting, so that each setting is under a heading."""
    assert set(THEMES) <= set(Settings.model_fields)
    assert next(iter(THEMES)) == next(iter(Settings.model_fields))


def test_documented_defaults_load_as_defaults() -> None:
    written = {setting: default for setting, default in defaults().items() if default != NOTHING}
    assert load_settings(written, None, {}) == Settings()


def test_every_metric_is_explained_and_no_other() -> None:
    budget = Budget(0)
    families = Metrics(lambda: budget.used, budget.limit).registry.collect()
    counted = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    assert set(re.findall(r"^\| `(tusdpy_\w+)", OPERATIONS, re.MULTILINE)) == counted


def test_every_error_code_is_explained_and_no_other() -> None:
    codes = {refusal.code for refusal in STATUS}
    assert set(re.findall(r"^\| `([a-z-]+)` \| \d{3}", OPERATIONS, re.MULTILINE)) == codes


def test_every_warning_is_explained() -> None:
    """Each warning that the code names by one string literal, in a call of `trouble` or `warning`, is in
    docs/operations.md; names that are composed or in variables aren't checked."""
    code = "".join(file.read_text() for file in ROOT.glob("tusd_py/**/*.py"))
    events = set(re.findall(r'\.(?:trouble|warning)\(\s*"([^"{]+)"', code))
    assert events
    assert [event for event in events if f"| `{event}`" not in OPERATIONS and f", `{event}`" not in OPERATIONS] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:)([^)]+)\)", page.read_text())
    assert [link for link in links if not _leads_somewhere(page, link)] == []


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in _anchors(target.read_text()))


def _anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of the Markdown page `text`; of headings with the same text,
    only the first one's."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_figure_of_the_folders_shows_imports() -> None:
    arrows = re.findall(r"^    (\w+)(?:\[.*?\])? --> (\w+)", DESIGN.read_text(), re.MULTILINE)
    assert ("server", "engine") in arrows
    assert [(above, below) for above, below in arrows if not _imports(above, below)] == []


def _imports(above: str, below: str) -> bool:
    """Return True if a file in the folder `above` of tusd_py imports from its folder `below`, or if there is no folder
    `above`: an arrow `above --> below` of docs/design.md is then one between phases, in another figure."""
    files = [*ROOT.glob(f"tusd_py/{above}/**/*.py")]
    return not files or any(f"from tusd_py.{below}" in file.read_text() for file in files)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_in_python_are_python(page: Path) -> None:
    for example in _examples(page):
        compile(example, page.name, "exec")


async def test_the_application_of_the_tutorial_takes_an_upload(tmp_path: Path) -> None:
    application: dict[str, Any] = {"__name__": "app"}
    exec(next(_examples(EMBED)), application)
    async with TestClient(TestServer(application["make_app"](tmp_path))) as client:
        assert await (await client.get("/")).text() == "hello\n"
        created = await client.post("/media/files/", headers=UPLOAD, data=b"hello")
        assert created.status == 201
        stored = await client.get(URL(created.headers["Location"]).path, headers=UPLOAD)
        assert await stored.read() == b"hello"
        without_token = await client.post("/media/files/", headers={**UPLOAD, "Authorization": ""}, data=b"hello")
        assert without_token.status == 401


def _examples(page: Path) -> Iterator[str]:
    return (match[1] for match in re.finditer(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL))
