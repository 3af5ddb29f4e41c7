"""Phases are set by domain/lifecycle.py and domain/job_life.py alone, times of trouble by domain/lifecycle.py alone;
records are written by engine/records.py alone, through engine/pairing.py."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import tusd_py

ROOT = Path(tusd_py.__file__).parent
LIFECYCLE, RECORDS = {"domain/lifecycle.py", "domain/job_life.py"}, "engine/records.py"
WRITERS = {"create", "save", "rewind", "delete"}
STATES = {"state", "_state"}
"""The names of variables and attributes that are taken for a state store."""
HANDED_ON = {"engine/pairing.py"}
"""The modules in addition to engine/records.py that may call the writing methods of a state store, as each is a state
store in front of another."""


def test_phases_are_set_by_the_life_cycle_alone() -> None:
    assert {place for place, node in _nodes() if _sets("phase", node)} == LIFECYCLE


def test_trouble_is_recorded_by_the_life_cycle_alone() -> None:
    assert {place for place, node in _nodes() if _sets("troubled_at", node)} == {"domain/lifecycle.py"}


def test_records_are_written_by_their_module_alone() -> None:
    assert {place for place, node in _nodes() if _writes(node)} - HANDED_ON == {RECORDS}


def _nodes() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            yield path.relative_to(ROOT).as_posix(), node


def _sets(field: str, node: ast.AST) -> bool:
    """Return True if the node is a call with a keyword argument of the name `field`, such as `copy_with(…, phase=…)`,
    or a call of `setattr` or `….__setattr__` with that name as a literal."""
    match node:
        case ast.Call(func=ast.Name(id="setattr") | ast.Attribute(attr="__setattr__"), args=arguments):
            return any(isinstance(argument, ast.Constant) and argument.value == field for argument in arguments)
        case ast.Call(keywords=keywords):
            return any(keyword.arg == field for keyword in keywords)
    return False


def _writes(node: ast.AST) -> bool:
    """Return True if the node is a method of a state store that writes records, like `….state.save`."""
    match node:
        case ast.Attribute(value=ast.Attribute(attr=owner) | ast.Name(id=owner), attr=attr):
            return owner in STATES and attr in WRITERS
    return False
