"""mutmut, extended to mutate properties and asynchronous context managers, which contain logic, too.

mutmut skips decorated functions, except those with `@staticmethod` or `@classmethod` alone. Here those whose first
decorator is `@property` or `@asynccontextmanager` are mutated, too: their decorators are applied to the trampoline, the
function that chooses between the original and the mutants, all of them plain functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import libcst as cst
from mutmut.__main__ import cli
from mutmut.mutation import file_mutation

_WRAPPERS = {"property", "asynccontextmanager"}
_mutmut_arrangement = file_mutation.function_trampoline_arrangement


class _Visitor(file_mutation.MutationVisitor):
    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        return not _wrapped(node) and super()._skip_node_and_children(node)


def _wrapped(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.FunctionDef) and [
        decorator.decorator.value for decorator in node.decorators if isinstance(decorator.decorator, cst.Name)
    ][:1] in [[name] for name in _WRAPPERS]


def _arrange(function: cst.FunctionDef, mutants: Iterable[Any], class_name: str | None) -> Sequence[Any]:
    """Do what mutmut's `function_trampoline_arrangement` does, but put the decorators of a property or an asynchronous
    context manager on the trampoline alone, not on the original and its mutants. Return, as it does, the declaration of
    the dict of mutants, the functions with the trampoline first, the assignment to the dict, and the mutants' names."""
    outer = function.decorators if _wrapped(function) else ()
    plain = function.with_changes(decorators=()) if outer else function
    declaration, (trampoline, *functions), assignment, names = _mutmut_arrangement(plain, mutants, class_name)
    trampoline = cst.ensure_type(trampoline, cst.FunctionDef)
    trampoline = trampoline.with_changes(decorators=(*outer, *trampoline.decorators))
    return declaration, [trampoline, *functions], assignment, names


if __name__ == "__main__":
    file_mutation.MutationVisitor = _Visitor  # type: ignore[misc]
    file_mutation.function_trampoline_arrangement = _arrange  # type: ignore[assignment]
    cli()
