"""No Python file in the project's folders of code has more than 300 lines, no function there more than 30, and no
test's name more than 60 characters."""

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
    """Yield, for each function in the file, its place as `PATH:LINE NAME`, and its number of lines from `def` to its
    end, with those of functions in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            last_line = node.end_lineno or node.lineno
            yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name}", last_line - node.lineno + 1


def test_functions_are_short() -> None:
    lines = dict(function for file in _sources() for function in _functions(file))
    assert {name: count for name, count in lines.items() if count > MOST_LINES_OF_FUNCTION} == {}


def test_names_of_tests_are_short() -> None:
    """No test's name, with `test_`, has more than 60 characters: its docstring can say what the name leaves out."""
    names = {name for file in _sources() for name in re.findall(r"def (test_\w+)", file.read_text())}
    assert {name for name in names if len(name) > LONGEST_NAME} == set()
