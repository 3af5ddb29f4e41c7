"""The SBOM lists the locked Python dependencies, and the npm packages of the upload page except esbuild; the build
includes it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from scripts import sbom

ROOT = Path(__file__).parents[2]


def test_it_lists_what_runs_and_what_the_page_is_made_of() -> None:
    document = json.loads(sbom.document())
    purls = {component["purl"] for component in document["components"]}
    assert (document["bomFormat"], document["metadata"]["component"]["name"]) == ("CycloneDX", "tusd-py")
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if "==" in line:
            name, _, version = line.split()[0].partition("==")
            assert f"pkg:pypi/{name}@{version}" in purls
    assert [purl for purl in purls if purl.startswith("pkg:npm/preact@")]
    assert not [purl for purl in purls if "esbuild" in purl]


def test_it_is_the_same_for_the_same_locks() -> None:
    assert sbom.document() == sbom.document()


def test_the_build_has_what_it_takes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "/sbom" in project["tool"]["hatch"]["build"]["artifacts"]
    assert "cyclonedx-python-lib==" in (ROOT / "requirements-build.lock").read_text()
