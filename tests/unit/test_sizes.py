"""No file of the project has more lines than a reader keeps in mind, no test a name that is a paragraph."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.words.vocabulary import ROOT, files

FOLDERS = ("tusd_py", "tests", "scripts", "bench", "devtools")
MOST_LINES, LONGEST_NAME = 300, 60


def _sources() -> list[Path]:
    return [file for folder in FOLDERS for file in files(ROOT / folder) if file.suffix == ".py"]


def test_files_are_short() -> None:
    lines = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in _sources()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_names_of_tests_are_short() -> None:
    """A docstring says what a short name leaves out."""
    names = {name for file in _sources() for name in re.findall(r"def (test_\w+)", file.read_text())}
    assert {name for name in names if len(name) > LONGEST_NAME} == set()
