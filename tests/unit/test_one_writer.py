"""Phases are set in one module, and records are written in one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import tusd_py

ROOT = Path(tusd_py.__file__).parent
LIFECYCLE, RECORDS = {"domain/lifecycle.py", "domain/job_life.py"}, "engine/records.py"
WRITERS = {"create", "save", "rewind", "delete"}
STATES = {"state", "_state"}
"""Names of a state store in the engine."""
HANDED_ON = {"engine/pairing.py"}
"""A state store itself, in front of another."""


def test_phases_are_set_by_the_life_cycle_alone() -> None:
    assert {place for place, node in _nodes() if _sets_phase(node)} == LIFECYCLE


def test_records_are_written_by_their_module_alone() -> None:
    assert {place for place, node in _nodes() if _writes(node)} - HANDED_ON == {RECORDS}


def _nodes() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            yield path.relative_to(ROOT).as_posix(), node


def _sets_phase(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and any(keyword.arg == "phase" for keyword in node.keywords)


def _writes(node: ast.AST) -> bool:
    """Calls, or hands on, `….state.save` and its like."""
    match node:
        case ast.Attribute(value=ast.Attribute(attr=owner) | ast.Name(id=owner), attr=attr):
            return owner in STATES and attr in WRITERS
    return False
