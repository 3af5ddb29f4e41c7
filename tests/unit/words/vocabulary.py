"""The vocabulary of the code, its documents and messages: what a docstring may open with, what a name may be, and words
that say less than a term of the field.

Names and docstrings are read in Python, first lines of comments in JavaScript and CSS too, and words in every text.
`python -m tests.unit.words.vocabulary PATH…` lists what doesn't keep to it.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
BUILT = frozenset({ROOT / path for path in ("build", "data", "dist", "mutants", "sbom", "tusd_py/ui")})

OPENING = re.compile(r"(What|Who|Whose|Whoever|Whether|Where|How|Of|Those)\b")
"""The words with which no docstring, and no comment in JavaScript or CSS, may open: it begins with a verb, or says what
kind of value it describes."""

BARE = frozenset(
    {
        *(
            "told",
            "found",
            "kept",
            "asked",
            "made",
            "left",
            "begun",
            "known",
            "given",
            "wanted",
            "taken",
            "held",
            "gone",
        ),
        *(
            "gone",
            "heard",
            "looked",
            "named",
            "shown",
            "tried",
            "meant",
            "seen",
            "said",
            "sent",
            "ours",
            "theirs",
            "there",
        ),
        *("here", "most", "least", "once", "more", "less", "rest", "all", "each", "any", "some", "none", "other"),
        *("others", "another", "same", "such", "those", "these", "that", "this", "it", "what", "who", "which"),
    }
)
"""Words, mostly participles and pronouns, that name nothing without a noun: `found_upload`, not `found` or `_found`."""

VAGUE = re.compile(
    r"\b(anew|whoever|whomever|besides?|(?:come|comes|came|coming) about|(?:go|goes|went|going) past"
    r"|by (?:itself|themselves)|be it|for ever|as like|nobody|somebody|everybody|anybody|on (?:its|their) way"
    r"|of (?:its|their) own|whatever|whichever)\b",
    re.IGNORECASE,
)


TEXTS = frozenset(
    {
        *(".py", ".md", ".toml", ".conf", ".service", ".yml", ".yaml", ".sh"),
        *(".js", ".jsx", ".mjs", ".css", ".html", ".json", ".svg", ".c", ".go"),
        *("Caddyfile", "Dockerfile", "Makefile", "run"),
    }
)
"""The files with comments or texts of ours, by suffix or, without one, by name."""
SCRIPTS = frozenset({".js", ".jsx", ".mjs", ".css"})
COMMENT = re.compile(r"\s*(?://|/\*)\s*(.*)")


def problems(path: Path) -> Iterator[str]:
    """Yield `FILE:LINE KIND: TEXT` for each place in the file that doesn't keep to the vocabulary; the kind is `vague`,
    `opening` or `bare`. FILE is relative to the project, or, outside of it, the name alone."""
    text = path.read_text()
    for number, line in enumerate(text.splitlines(), start=1):
        for match in VAGUE.finditer(line):
            yield f"{_place(path, number)} vague: {match[0]}"
    if path.suffix == ".py":
        tree = ast.parse(text)
        yield from (f"{_place(path, line)} opening: {said}" for said, line in _openings(tree))
        yield from (f"{_place(path, line)} bare: {name}" for name, line in _bound(tree) if name.lstrip("_") in BARE)
    if path.suffix in SCRIPTS:
        yield from (f"{_place(path, line)} opening: {said}" for said, line in _comments(text) if OPENING.match(said))


def _place(path: Path, number: int) -> str:
    path = path.resolve()
    return f"{path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name}:{number}"


def _openings(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            match statement:
                case ast.Expr(value=ast.Constant(value=str(said))) if OPENING.match(said):
                    yield said.split("\n")[0], statement.lineno


def _comments(text: str) -> Iterator[tuple[str, int]]:
    """Yield, for each run of lines that begin with `//` or `/*`, indented or not, the text that follows these
    characters in the run's first line, and that line's number."""
    before = None
    for number, line in enumerate(text.splitlines(), start=1):
        match = COMMENT.match(line)
        if match and not before:
            yield match[1], number
        before = match


def _bound(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name, node.lineno
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno


def files(path: Path) -> Iterator[Path]:
    """Yield `path` if it is a file; else the files below it whose suffix, or without one, whose name is in `TEXTS`,
    except those in hidden folders (but `.ci` and `.github`), `node_modules`, `__pycache__` and the folders in
    `BUILT`."""
    if path.is_file():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if _is_ours(Path(folder, name)))
        yield from (file for name in sorted(names) if (file := Path(folder, name)) and (file.suffix or name) in TEXTS)


def _is_ours(folder: Path) -> bool:
    """Return False for hidden folders other than `.ci` and `.github`, for `node_modules` and `__pycache__`, and for the
    folders in `BUILT`."""
    hidden = folder.name.startswith(".") and folder.name not in {".ci", ".github"}
    return not hidden and folder.name not in {"node_modules", "__pycache__"} and folder not in BUILT


if __name__ == "__main__":
    for given_path in sys.argv[1:]:
        for file in files(Path(given_path)):
            for problem in problems(file):
                print(problem)
