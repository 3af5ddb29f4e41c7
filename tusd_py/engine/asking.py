"""The question to a hook before an upload is recorded."""

from __future__ import annotations

from dataclasses import replace

from tusd_py.domain.answers import FileChange
from tusd_py.domain.upload import Upload
from tusd_py.engine.engine import Engine


async def ask_to_create(engine: Engine, planned: Upload) -> Upload:
    """Return the planned upload with the changes that a hook wants. Raises HookRejected, HookFailed, NameTaken."""
    change, answer = await engine.questions.before_create(engine.caller, planned)
    engine.answer(answer)
    return _changed(planned, change)


def _changed(planned: Upload, change: FileChange) -> Upload:
    """Return the planned upload with its name and metadata as the hook wants."""
    return planned if change.metadata is None else replace(planned, metadata=change.metadata)
