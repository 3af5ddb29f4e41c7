"""Code, documents and messages keep to the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.words.vocabulary import ROOT, files, problems

READ = (
    *("tusd_py", "docs", "scripts", "bench", "devtools", "README.md", "CONTRIBUTING.md", "SECURITY.md", "config"),
    "tests",
)
LISTS = Path(__file__).parent
"""The folder that quotes the words on purpose."""
EXCEPTIONS: Mapping[str, str] = {}
"""What may stand nevertheless, as the checker says it without its line, and why."""


def test_code_and_documents_keep_to_the_vocabulary() -> None:
    read = [file for path in READ for file in files(ROOT / path) if file.parent != LISTS]
    entries = {_without_line(problem) for file in read for problem in problems(file)}
    assert sorted(entries - EXCEPTIONS.keys()) == []
    assert sorted(EXCEPTIONS.keys() - entries) == [], "these are no more"
    assert len(EXCEPTIONS) <= 20


def _without_line(problem: str) -> str:
    place, _, text = problem.partition(" ")
    return f"{place.partition(':')[0]} {text}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"""What it does."""', "opening: What it does."),
        ('x = 1\n"""Whether it is one."""', "opening: Whether it is one."),
        ("found = 1", "bare: found"),
        ("def told(what): ...", "bare: told"),
        ("self._kept = 1", "bare: _kept"),
        ("# by itself", "vague: by itself"),
        ("print('Nobody is here')", "vague: Nobody"),
    ],
)
def test_the_checker_finds_what_it_should(tmp_path: Path, text: str, said: str) -> None:
    file = ROOT / "tests" / "unit" / "words" / "vocabulary.py"
    assert list(problems(file)) != [], "its own lists hold the words"
    path = tmp_path / "module.py"
    path.write_text(text)
    assert any(problem.endswith(said) for problem in problems(path))


def test_what_is_plain_passes(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text('"""A module."""\nfound_upload = 1\n"""An upload that exists."""\n')
    assert list(problems(path)) == []
