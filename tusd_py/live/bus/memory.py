"""The bus of a state in memory, which no other process shares."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tusd_py.domain.upload_id import UploadId


class MemoryBus:
    """A `Bus` that announces nothing, as there are no other processes."""

    def publish(self, upload_id: UploadId) -> None:
        """Do nothing: no other process listens."""

    @asynccontextmanager
    async def listening(self, notify: Callable[[UploadId | None], None]) -> AsyncIterator[None]:  # noqa: ARG002
        yield
