"""The vocabulary of the code, its documents and messages: what a docstring may open with, what a name may be, and words
that say less than a term of the field.

`python -m tests.unit.words.vocabulary PATH…` lists what doesn't keep to it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]

OPENING = re.compile(r"(What|Who|Whose|Whoever|Whether|Where|How|Of|Those)\b")
"""A docstring begins with a verb, or says what kind of value it describes."""

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
"""Participles and pronouns that name nothing without a noun: `found_upload`, not `found`."""

VAGUE = re.compile(
    r"\b(anew|whoever|whomever|besides?|(?:come|comes|came|coming) about|(?:go|goes|went|going) past"
    r"|by (?:itself|themselves)|be it|for ever|as like|nobody|somebody|everybody|anybody|on (?:its|their) way"
    r"|of (?:its|their) own|whatever|whichever)\b",
    re.IGNORECASE,
)


def problems(path: Path) -> Iterator[str]:
    """What doesn't keep to the vocabulary in a file of Python or Markdown."""
    text = path.read_text()
    for number, line in enumerate(text.splitlines(), start=1):
        for match in VAGUE.finditer(line):
            yield f"{_place(path, number)} vague: {match[0]}"
    if path.suffix == ".py":
        tree = ast.parse(text)
        yield from (f"{_place(path, line)} opening: {said}" for said, line in _openings(tree))
        yield from (f"{_place(path, line)} bare: {name}" for name, line in _bound(tree) if name.lstrip("_") in BARE)


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


def _bound(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name, node.lineno
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno


def files(path: Path) -> Iterator[Path]:
    """Yield the file, or the files of Python and Markdown below the folder; not those of other projects."""
    if path.is_file():
        yield path
    else:
        texts = (file for file in path.rglob("*") if file.suffix in {".py", ".md"})
        yield from sorted(file for file in texts if not any(map(_is_foreign, file.relative_to(path).parts)))


def _is_foreign(name: str) -> bool:
    """Return True for the folders of peers and packages."""
    return name.startswith(".") or name == "node_modules"


if __name__ == "__main__":
    for given_path in sys.argv[1:]:
        for file in files(Path(given_path)):
            for problem in problems(file):
                print(problem)
