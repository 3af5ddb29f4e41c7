"""The makers of the storage port, each as the contract suite wants it. A new maker is one more line in STORAGES."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tusd_py.storage.base import Storage
from tusd_py.storage.local import LocalStorage
from tusd_py.storage.memory import MemoryStorage


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A storage of its own, and what a test must know of it."""

    storage: Storage
    grain: int
    """Bytes that go into one part, or between two checkpoints: sizes around it are the interesting ones."""
    max_examples: int
    """For each property: how much its speed allows."""
    residue: Callable[[], Awaitable[Sequence[str]]]
    """The names of everything that is stored."""


Maker = Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Bench]]


@asynccontextmanager
async def _memory(_: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    storage = MemoryStorage(checkpoint_size=64)

    async def residue() -> Sequence[str]:
        return [*storage._parts, *storage._objects]

    yield Bench(storage=storage, grain=64, max_examples=100, residue=residue)
    await storage.aclose()


@asynccontextmanager
async def _local(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    root: Path = request.getfixturevalue("tmp_path")
    storage = LocalStorage(root, batch_size=16, checkpoint_size=64)

    async def residue() -> Sequence[str]:
        return [path.name for path in root.rglob("*") if path.is_file()]

    yield Bench(storage=storage, grain=64, max_examples=25, residue=residue)
    await storage.aclose()


STORAGES: Mapping[str, Maker] = {"memory": _memory, "local": _local}
