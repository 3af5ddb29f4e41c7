"""Numbers past which something is done in another way stand in one place, where a simulation can lower them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import tusd_py

ROOT = Path(tusd_py.__file__).parent
ROOMS = ("engine", "storage", "state", "locking", "pipeline")

ELSEWHERE: Mapping[str, Sequence[str]] = {
    "time passes by itself in simulation, however long it is": [
        "engine/direct.py _TOUCH",
        "engine/installation.py _HOLD",
        "engine/pairing.py _PATIENCE",
        "engine/ports.py _PAUSES",
        "engine/ports.py Ports.lock_wait",
        "engine/terminate.py _PAUSES",
        "engine/tidy.py _STRANGE",
        "engine/tidy.py _PAUSE",
        "locking/redis.py _RECONNECT_SECONDS",
        "locking/redis.py _SILENCE_SECONDS",
        "locking/redis.py RedisLocker.retry_seconds",
        "locking/shared.py _TICK",
        "locking/shared.py _MARGIN",
        "locking/sqlite.py SqliteLocker.retry_seconds",
        "storage/s3/wire.py _PATIENCE",
        "storage/s3/transport.py _CONNECT",
        "storage/direct.py CorsRule.max_age",
    ],
    "a provider's or an operator's, chosen by each world": [
        "storage/s3/options.py Profile.max_parts",
        "storage/s3/options.py Profile.min_part",
        "storage/s3/options.py Profile.max_part",
        "storage/s3/options.py Profile.max_object",
        "storage/s3/options.py PROFILES",
        "storage/s3/options.py S3Options.part_size",
        "storage/s3/options.py S3Options.concurrency",
        "storage/s3/attributes.py _MAX_METADATA",
    ],
    "attempts: an outage in simulation outlasts them, a lost answer doesn't": [
        "storage/s3/client.py _ATTEMPTS",
        "storage/s3/direct.py _ATTEMPTS",
        "storage/s3/finishing.py _ATTEMPTS",
    ],
    "of the disk, which isn't simulated; the contracts open it with small ones": [
        "storage/disk.py _THREADS",
        "storage/disk.py _BLOCK",
        "storage/local.py _READ_SIZE",
        "storage/local.py _COPY_SIZE",
        "storage/local.py LocalStorage.__init__.batch_size",
        "storage/local.py LocalStorage.__init__.checkpoint_size",
        "storage/memory.py _READ_SIZE",
        "storage/memory.py MemoryStorage.__init__.checkpoint_size",
    ],
    "of sockets, which aren't simulated: tests/unit/storage/s3/test_wire.py": [
        "storage/s3/outlet.py _MOST_VIEWS",
        "storage/s3/connect.py _POOL",
        "storage/s3/transport.py _READ",
        "storage/s3/wire.py _LEAST_RATE",
        "storage/s3/wire.py _LARGE",
        "storage/s3/wire.py _BATCH",
    ],
    "a share of the budget, which each world chooses": [
        "pipeline/budget.py _CLEAR",
        "pipeline/ahead.py _SHARE",
        "pipeline/ahead.py _HUNGRY",
        "pipeline/ahead.py _MOST",
        "engine/room.py _EARLY",
        "engine/room.py _MARGIN",
    ],
    "of readers faster than a connection: tests/unit/pipeline/test_ahead.py": [
        "pipeline/ahead.py RANGE",
        "pipeline/ahead.py _TRIAL",
    ],
    "a unit, or no number at all": [
        "pipeline/grid.py MIB",
        "pipeline/grid.py GIB",
        "engine/tidy.py _TURN",
        "locking/redis.py _NEVER_GIVEN_BACK",
    ],
    "the grid's shape, which follows the profile's number of parts": [
        "pipeline/grid.py _GROWTH",
        "pipeline/grid.py Grid.largest",
        "pipeline/grid.py Grid.max_parts",
        "pipeline/grid.py grid_for.largest",
    ],
    "of real memory: tests/unit/pipeline/test_slabs.py": [
        "pipeline/slabs.py SLAB",
        "pipeline/slabs.py LEAST_SLAB",
        "pipeline/slabs.py _MODEST",
        "pipeline/slabs.py _LESSER",
        "pipeline/slabs.py _ARENA",
        "pipeline/slabs.py _READERS",
        "pipeline/slabs.py _PAGE",
        "pipeline/slabs.py _UNUSED",
    ],
}
"""What may stand elsewhere: by the reason, file and name."""


def test_no_number_stands_outside_of_the_thresholds_without_a_reason() -> None:
    found = {name for room in ROOMS for file in sorted((ROOT / room).rglob("*.py")) for name in _numbers(file)}
    explained = {name for names in ELSEWHERE.values() for name in names}
    assert found - explained == set(), "move it to tusd_py/thresholds.py, or say here why not"
    assert explained - found == set(), "these are no more"


def test_a_number_is_found_whether_it_is_a_constant_or_a_default() -> None:
    code = "A: int = 2 * 1024\nB = (0.5, 7)\nC = 1\nclass D:\n    e: float = 5.0\n    def f(self, *, g: int = 3): ..."
    assert list(_named(ast.parse(code))) == ["A", "B", "D.e", "D.f.g"]


def _numbers(file: Path) -> Iterator[str]:
    for name in _named(ast.parse(file.read_text())):
        yield f"{file.relative_to(ROOT)} {name}"


def _named(tree: ast.AST, within: str = "") -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            yield from _constant(node, within)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _defaults(node, within)
        elif isinstance(node, ast.ClassDef):
            yield from _named(node, f"{within}{node.name}.")


def _constant(node: ast.Assign | ast.AnnAssign, within: str) -> Iterator[str]:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if isinstance(target, ast.Name) and node.value is not None and _is_large(node.value):
        yield f"{within}{target.id}"


def _defaults(node: ast.FunctionDef | ast.AsyncFunctionDef, within: str) -> Iterator[str]:
    given = node.args.args[len(node.args.args) - len(node.args.defaults) :]
    named = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    for argument, default in [*zip(given, node.args.defaults, strict=True), *named]:
        if default is not None and _is_large(default):
            yield f"{within}{node.name}.{argument.arg}"


def _is_large(value: ast.expr) -> bool:
    """It holds a number above 1, or a fraction."""
    numbers = [each.value for each in ast.walk(value) if isinstance(each, ast.Constant)]
    return any(isinstance(each, int | float) and each not in (0, 1) for each in numbers)
