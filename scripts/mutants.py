"""mutmut, which also changes what a decorator wraps: properties and context managers hold logic too.

mutmut passes over every decorated function. Those that `_WRAPPERS` names it can do: the decorator goes around the
choice between the original and the mutants, which are plain functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import libcst as cst
from mutmut.__main__ import cli
from mutmut.mutation import file_mutation

_WRAPPERS = {"property", "asynccontextmanager"}
_arranged = file_mutation.function_trampoline_arrangement


class _Visitor(file_mutation.MutationVisitor):
    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        return not _wrapped(node) and super()._skip_node_and_children(node)


def _wrapped(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.FunctionDef) and [
        decorator.decorator.value for decorator in node.decorators if isinstance(decorator.decorator, cst.Name)
    ][:1] in [[name] for name in _WRAPPERS]


def _arrange(function: cst.FunctionDef, mutants: Iterable[Any], class_name: str | None) -> Sequence[Any]:
    """Declaration, functions (first of them the choice), assignment and names."""
    outer = function.decorators if _wrapped(function) else ()
    plain = function.with_changes(decorators=()) if outer else function
    declared, (choice, *functions), assigned, names = _arranged(plain, mutants, class_name)
    choice = cst.ensure_type(choice, cst.FunctionDef)
    return declared, [choice.with_changes(decorators=(*outer, *choice.decorators)), *functions], assigned, names


if __name__ == "__main__":
    file_mutation.MutationVisitor = _Visitor  # type: ignore[misc]
    file_mutation.function_trampoline_arrangement = _arrange  # type: ignore[assignment]
    cli()
