"""Writes down what is in the package: a CycloneDX document of the Python packages and the page's, as locked."""

from __future__ import annotations

import base64
import json
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
WRITTEN = ROOT / "sbom" / "tusd-py.cdx.json"
_VERSION = re.compile(r'__version__ = "(.+)"')
_HATCHLINGS = 1_580_601_600
"""The time of all files in a wheel, where SOURCE_DATE_EPOCH names none."""
_BUILDS = "esbuild"
"""What makes the page and isn't in it."""


def main() -> None:
    """The same bytes for the same locks."""
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text(document() + "\n", "utf-8")


def document() -> str:
    """CycloneDX 1.6 as JSON."""
    bom = Bom(components=[*_python(), *_page()])
    bom.metadata.component = root = _root()
    bom.register_dependency(root, bom.components)
    bom.metadata.timestamp = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", _HATCHLINGS)), UTC)
    names = " ".join(str(each.purl) for each in sorted(bom.components))
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"{root.purl} {names}")
    return JsonV1Dot6(bom).output_as_string(indent=2)


def _root() -> Component:
    found = _VERSION.search((ROOT / "tusd_py" / "version.py").read_text("utf-8"))
    if found is None:
        raise SystemExit("tusd_py/version.py names no version")
    purl = PackageURL(type="pypi", name="tusd-py", version=found[1])
    return Component(
        name="tusd-py",
        version=found[1],
        type=ComponentType.APPLICATION,
        purl=purl,
        bom_ref=str(purl),
        licenses=[DisjunctiveLicense(id="Apache-2.0")],
    )


def _python() -> Iterator[Component]:
    """From requirements.lock; optional is what only some Pythons or systems take."""
    for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines():
        if line[:1].isalnum():
            told = Requirement(line.rstrip("\\ "))
            version = str(told.specifier).removeprefix("==")
            scope = ComponentScope.OPTIONAL if told.marker else ComponentScope.REQUIRED
            yield _component("pypi", told.name, version, scope=scope)


def _page() -> Iterator[Component]:
    """From the page's package-lock.json, what is bundled."""
    packages = json.loads((ROOT / "ui" / "package-lock.json").read_text("utf-8"))["packages"]
    for path, told in packages.items():
        name = path.rpartition("node_modules/")[2]
        if name and name != _BUILDS and not told.get("dev") and not told.get("optional"):
            yield _component("npm", name, told["version"], hashes=[_hash(told["integrity"])])


def _hash(integrity: str) -> HashType:
    """From the form that npm has it in: `sha512-…` in base64 (W3C, Subresource Integrity)."""
    algorithm, _, digest = integrity.partition("-")
    return HashType(alg=HashAlgorithm(f"SHA-{algorithm[3:]}"), content=base64.b64decode(digest).hex())


def _component(
    ecosystem: str,
    name: str,
    version: str,
    *,
    scope: ComponentScope = ComponentScope.REQUIRED,
    hashes: Iterable[HashType] = (),
) -> Component:
    namespace, _, short = name.rpartition("/")
    purl = PackageURL(type=ecosystem, namespace=namespace or None, name=short, version=version)
    return Component(name=name, version=version, purl=purl, bom_ref=str(purl), scope=scope, hashes=hashes)


if __name__ == "__main__":
    main()
