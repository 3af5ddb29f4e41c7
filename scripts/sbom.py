"""The software bill of materials: a CycloneDX document of the locked packages of Python and of the upload page."""

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
_HATCHLING_TIME = 1_580_601_600
"""The time that hatchling gives to all files in a wheel without SOURCE_DATE_EPOCH."""
_BUILD_TOOL = "esbuild"
"""The package that builds the page and isn't part of it."""


def main() -> None:
    """Write the document to sbom/tusd-py.cdx.json: the same bytes for the same lock files, version, SOURCE_DATE_EPOCH
    and release of cyclonedx-python-lib."""
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text(document() + "\n", "utf-8")


def document() -> str:
    """Return the document, CycloneDX 1.6 in JSON."""
    bom = Bom(components=[*_python(), *_page()])
    bom.metadata.component = root = _root()
    bom.register_dependency(root, bom.components)
    bom.metadata.timestamp = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", _HATCHLING_TIME)), UTC)
    names = " ".join(str(component.purl) for component in sorted(bom.components))
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"{root.purl} {names}")
    return JsonV1Dot6(bom).output_as_string(indent=2)


def _root() -> Component:
    match = _VERSION.search((ROOT / "tusd_py" / "version.py").read_text("utf-8"))
    if match is None:
        raise SystemExit("tusd_py/version.py names no version")
    purl = PackageURL(type="pypi", name="tusd-py", version=match[1])
    return Component(
        name="tusd-py",
        version=match[1],
        type=ComponentType.APPLICATION,
        purl=purl,
        bom_ref=str(purl),
        licenses=[DisjunctiveLicense(id="Apache-2.0")],
    )


def _python() -> Iterator[Component]:
    """Yield the packages of requirements.lock; those for only some Pythons or systems are optional."""
    for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines():
        if line[:1].isalnum():
            requirement = Requirement(line.rstrip("\\ "))
            version = str(requirement.specifier).removeprefix("==")
            scope = ComponentScope.OPTIONAL if requirement.marker else ComponentScope.REQUIRED
            yield _component("pypi", requirement.name, version, scope=scope)


def _page() -> Iterator[Component]:
    """Yield the packages of ui/package-lock.json, except esbuild, development packages and optional ones. Some of them
    have no code in the built page."""
    packages = json.loads((ROOT / "ui" / "package-lock.json").read_text("utf-8"))["packages"]
    for path, package in packages.items():
        name = path.rpartition("node_modules/")[2]
        if name and name != _BUILD_TOOL and not package.get("dev") and not package.get("optional"):
            yield _component("npm", name, package["version"], hashes=[_hash(package["integrity"])])


def _hash(integrity: str) -> HashType:
    """Convert npm's form of a hash: `sha512-…` in base64 (W3C, Subresource Integrity)."""
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
