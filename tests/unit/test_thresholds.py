"""The numbers past which the server works in another way are in domain/thresholds.py, where a simulation can lower
them; those elsewhere that `_numbers` finds, outside of config/, have a reason in thresholds.toml."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import tusd_py

ROOT = Path(tusd_py.__file__).parent
WHOLE = {"config/": "what an operator may set", "domain/thresholds.py": "where they belong"}
"""The folders and files that aren't searched, with the reason."""

ELSEWHERE: Mapping[str, Sequence[str]] = tomllib.loads(Path(__file__).with_name("thresholds.toml").read_text())
"""The numbers that may be in files other than those of `WHOLE`, each as `FILE NAME`, by the reason."""


def test_numbers_elsewhere_have_a_reason() -> None:
    files = {file.relative_to(ROOT).as_posix(): file for file in sorted(ROOT.rglob("*.py"))}
    searched = {name: file for name, file in files.items() if not name.startswith(tuple(WHOLE))}
    numbers = {f"{path} {name}" for path, file in searched.items() for name in _numbers(ast.parse(file.read_text()))}
    explained = {name for names in ELSEWHERE.values() for name in names}
    assert numbers - explained == set(), "move it to tusd_py/domain/thresholds.py, or say here why not"
    assert explained - numbers == set(), "these are no more"


def test_the_test_of_an_exception_is_there() -> None:
    paths = [word for reason in ELSEWHERE for word in reason.replace(",", " ").split() if word.startswith("tests/")]
    assert [name for name in paths if not (ROOT.parent / name).exists()] == []


def test_a_number_is_found_wherever_it_stands() -> None:
    code = """
A: int = 2 * 1024
B = (0.5, 7)
C = 1
D, E = 4, 1
class F:
    g: float = 5.0
    def h(self, *, i: int = 3): ...
    def j(self):
        return self.k(1) + 0 if True else self.l(9)
"""
    assert sorted(set(_numbers(ast.parse(code)))) == ["A", "B", "D", "F.g", "F.h.i", "F.j"]


def _numbers(tree: ast.AST, within: str = "") -> Iterator[str]:
    """Yield the names of constants, fields and parameters (by their defaults) whose value has a number other than 0 and
    1, as by `_is_large`, and of functions whose body has one: those of the module and of its classes, such as `A`,
    `F.g`, `F.h.i`. `within` is put before each name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            yield from _constants(node, within)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _defaults(node, within)
            if any(_is_large(statement) for statement in node.body):
                yield f"{within}{node.name}"
        elif isinstance(node, ast.ClassDef):
            yield from _numbers(node, f"{within}{node.name}.")


def _constants(node: ast.Assign | ast.AnnAssign, within: str) -> Iterator[str]:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    value = node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = list(zip(target.elts, value.elts, strict=True))
    else:
        pairs = [] if value is None else [(target, value)]
    for variable, its in pairs:
        if isinstance(variable, ast.Name) and _is_large(its):
            yield f"{within}{variable.id}"


def _defaults(node: ast.FunctionDef | ast.AsyncFunctionDef, within: str) -> Iterator[str]:
    positional = node.args.args[len(node.args.args) - len(node.args.defaults) :]
    keyword_only = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    for argument, default in [*zip(positional, node.args.defaults, strict=True), *keyword_only]:
        if default is not None and _is_large(default):
            yield f"{within}{node.name}.{argument.arg}"


def _is_large(code: ast.AST) -> bool:
    """Return True if the code has an int or float literal other than 0 and 1; in `-1` the literal is 1."""
    numbers = [constant.value for constant in ast.walk(code) if isinstance(constant, ast.Constant)]
    return any(isinstance(constant, int | float) and constant not in (0, 1) for constant in numbers)
