"""Code, documents and messages keep to the vocabulary in tests/unit/words/vocabulary.py, and its checker (`problems`)
finds places that don't."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.words.vocabulary import ROOT, files, problems

LISTS = Path(__file__).parent
"""The folder whose files aren't checked, as they quote the excluded words on purpose."""
EXCEPTIONS: Mapping[str, str] = {}
"""The allowed problems, as `problems` yields them but without the number of the line, each with its reason."""


def test_code_and_documents_keep_to_the_vocabulary() -> None:
    read = [file for file in files(ROOT) if file.parent != LISTS]
    entries = {_without_line(problem) for file in read for problem in problems(file)}
    assert sorted(entries - EXCEPTIONS.keys()) == []
    assert sorted(EXCEPTIONS.keys() - entries) == [], "these are no more"
    assert len(EXCEPTIONS) <= 20


@pytest.mark.parametrize(
    "path",
    [
        *("CHANGELOG.md", "CODE_OF_CONDUCT.md", "hatch_build.py", "Dockerfile", "Makefile", ".ci/run"),
        *(".github/workflows/ci.yml", ".github/pull_request_template.md", "ui/src/page.jsx", "ui/src/style.css"),
        *("config/Caddyfile", "config/nginx.conf", "config/local.toml", "config/tusd-py.service", "config/compose.yml"),
        *("pyproject.toml", "tests/e2e/js/upload.mjs", "bench/relay.c", "tusd_py/domain/upload.py"),
    ],
)
def test_each_kind_of_text_is_read(path: str) -> None:
    assert ROOT / path in set(files(ROOT))


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


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("page.jsx", "const a = 1\n// What it is.", "page.jsx:2 opening: What it is."),
        ("page.css", "/* Where it is. */", "page.css:1 opening: Where it is. */"),
        ("page.js", "say('It starts by itself.')", "page.js:1 vague: by itself"),
        ("nginx.conf", "# Whichever answers.", "nginx.conf:1 vague: Whichever"),
    ],
)
def test_other_languages_are_checked_too(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert list(problems(path)) == [said]


def test_a_comment_may_go_on_with_any_word(tmp_path: Path) -> None:
    path = tmp_path / "page.js"
    path.write_text("// A list of\n// What it has.\n")
    assert list(problems(path)) == []
