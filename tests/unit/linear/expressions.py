"""Each regular expression in the source, and how it is used."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import tusd_py

ROOT = Path(tusd_py.__file__).parent

EXEMPT = {
    "read once, when the server starts: what an operator wrote": ("config/", "cli/options.py", "storage/s3/cors.py"),
    "of an operator's own host names": ("http/request_filter.py RequestFilter._is_served_host",),
    "made of a setting": ("storage/s3/keys.py key_pattern",),
}
IN_PARSERS = {
    "protocol/rufh/representation.py _file_name": "Content-Disposition",
    "protocol/parameters.py PARAMETER": "parameters",
    "serving/dates.py _FORMS": "Date",
    "serving/disposition.py _clean": "name",
    "serving/disposition.py _parameters": "name",
    "serving/media_types.py _PARAMETER": "type",
    "storage/s3/keys.py internal_owner": "internal key",
}
"""The regular expressions that are tested in a parser alone, by file and name (or that of their function), each with
its entry in `PARSERS`: they have no name, are used in a loop, or see only text that another one has let through."""


@cache
def expressions() -> Mapping[str, Sequence[str]]:
    """Return, for each regular expression in the source, the names of the methods that its file calls on it. The key
    has the file's path and the name of the expression; for one without a name, that of its function, and no methods."""
    return {f"{place} {name}": ways for place, source in _sources() for name, ways in _expressions(source)}


def _sources() -> Iterator[tuple[str, str]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), path.read_text()


def _expressions(source: str) -> Iterator[tuple[str, Sequence[str]]]:
    for name, node in _definitions(ast.parse(source), ""):
        if any(_is_expression(part) for part in ast.walk(node)):
            yield name, sorted(set(re.findall(rf"\b{re.escape(name)}\.(\w+)\(", source)) - {"pattern"})


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.ClassDef():
                yield from _definitions(child, f"{prefix}{child.name}.")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield prefix + child.name, child
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name, child


def _is_expression(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=attr)):
            return attr != "escape"
    return False


def on_the_way() -> list[str]:
    exempt = tuple(start for starts in EXEMPT.values() for start in starts)
    return [name for name in expressions() if not name.startswith(exempt)]


def compiled(name: str) -> re.Pattern[str] | re.Pattern[bytes] | None:
    place, _, attribute = name.partition(" ")
    module: ModuleType = import_module("tusd_py." + place.removesuffix(".py").replace("/", "."))
    value = getattr(module, attribute, None)
    return value if isinstance(value, re.Pattern) else None


def uses(name: str) -> Sequence[Callable[[str], object]]:
    """Return a function for each method that the source calls on the expression `name`, a key of `expressions`: it
    calls the method with a text, and reads all matches. Raises AssertionError if `name` is of no compiled pattern."""
    pattern = compiled(name)
    assert pattern is not None
    return [partial(_use, pattern, way) for way in expressions()[name]]


def _use(pattern: re.Pattern[Any], way: str, text: str) -> object:
    subject = text.encode() if isinstance(pattern.pattern, bytes) else text
    return pattern.sub(subject[:0], subject) if way == "sub" else _as_list(getattr(pattern, way)(subject))


def _as_list(result: object) -> Sequence[object]:
    return list(result) if isinstance(result, Iterator) else [result]
