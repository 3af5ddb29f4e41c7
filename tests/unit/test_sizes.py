"""No file or function of the project has more lines than a reader keeps in mind, no test a name that is a paragraph."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.unit.words.vocabulary import ROOT, files

FOLDERS = ("tusd_py", "tests", "scripts", "bench", "devtools")
MOST_LINES, MOST_LINES_OF_FUNCTION, LONGEST_NAME = 300, 30, 60


def _sources() -> list[Path]:
    return [file for folder in FOLDERS for file in files(ROOT / folder) if file.suffix == ".py"]


def test_files_are_short() -> None:
    lines = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in _sources()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def _functions(file: Path) -> Iterator[tuple[str, int]]:
    """Yield the place of each function in the file, and its lines: from `def` to its end, with any functions in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            last_line = node.end_lineno or node.lineno
            yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name}", last_line - node.lineno + 1


def test_functions_are_short() -> None:
    lines = dict(function for file in _sources() for function in _functions(file))
    assert {name: count for name, count in lines.items() if count > MOST_LINES_OF_FUNCTION} == {}


def test_names_of_tests_are_short() -> None:
    """No test's name has more than 60 characters: its docstring says what the name leaves out."""
    names = {name for file in _sources() for name in re.findall(r"def (test_\w+)", file.read_text())}
    assert {name for name in names if len(name) > LONGEST_NAME} == set()
