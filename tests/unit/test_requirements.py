"""Each requirement's code (T1, I2, T22b) in the name of a test is explained in tests/REQUIREMENTS.md, and each code
that is explained there is in the name of a test."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.unit.words.vocabulary import ROOT, files

TEXT = (ROOT / "tests" / "REQUIREMENTS.md").read_text()
CLIENTS = (ROOT / "docs" / "clients.md").read_text()
FOLDERS = {"T": ROOT / "tests" / "spec" / "tus", "I": ROOT / "tests" / "spec" / "rufh"}
ROW = re.compile(r"^\| ([TI]\d+b?) \| (.+) \| (.+) \|$", re.MULTILINE)
NAME = re.compile(r"def test_((?:[ti]\d+b?_)+)")


def test_each_code_of_a_test_has_one_line_and_each_line_a_test() -> None:
    lines = Counter(code for code, _, _ in ROW.findall(TEXT))
    assert lines == Counter({code for file in files(ROOT / "tests") for code in _codes(file)})


def test_each_requirement_is_under_the_file_that_tests_it() -> None:
    for section in TEXT.split("\n### ")[1:]:
        names = re.findall(r"\(`(test_\w+\.py)`\)", section.partition("\n")[0])
        codes = {code for code, _, _ in ROW.findall(section)}
        assert (len(names), bool(codes)) == (1, True), section.partition("\n")[0]
        assert codes <= set(_codes(FOLDERS[min(codes)[0]] / names[0])), names[0]


def test_each_row_of_a_table_is_a_requirement_with_a_source() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("|")]
    further_rows = [line for line in rows if not ROW.match(line)]
    assert set(further_rows) == {"| code | requirement | source |", "|---|---|---|"}


def test_each_code_in_the_list_of_differences_is_a_requirement() -> None:
    differences = re.findall(r"^\| ((?:[TI]\d+b?(?:, )?)+) \|", CLIENTS, re.MULTILINE)
    codes = {code for cell in differences for code in cell.split(", ")}
    assert codes
    assert codes <= {code for code, _, _ in ROW.findall(TEXT)}


def _codes(file: Path) -> Iterator[str]:
    if file.suffix == ".py":
        for prefix in NAME.findall(file.read_text()):
            yield from (code[0].upper() + code[1:] for code in prefix.split("_") if code)
