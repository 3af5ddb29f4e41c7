"""The question to a hook before an upload is recorded."""

from __future__ import annotations

from tusd_py.domain.answers import NO_CHANGE
from tusd_py.domain.copying import copy_with
from tusd_py.domain.names import name_of_one
from tusd_py.domain.upload import Upload
from tusd_py.engine.engine import Engine


async def ask_to_create(engine: Engine, planned: Upload) -> Upload:
    """Return the planned upload with the changes that a hook wants, and with the name that the caller's token
    gives the upload if the hook chooses none. Have the hook's answer merged into the response to the
    request. Raises HookRejected, HookFailed.
    """
    change, answer = await engine.questions.before_create(engine.caller, planned)
    engine.answer(answer)
    name = change.name or _granted_name(engine, planned)
    if change == NO_CHANGE and name is None:
        return planned
    upload = copy_with(planned, name=name, place=change.place, bucket=change.bucket)
    return upload if change.metadata is None else copy_with(upload, metadata=change.metadata)


def _granted_name(engine: Engine, planned: Upload) -> str | None:
    """Return the name that the caller's token gives the upload, followed by the upload's id if the token is for several
    uploads; None if the token gives none."""
    name, grant = engine.allowance.name, engine.allowance.grant
    several = grant is not None and grant.max_uses > 1
    return name_of_one(name, planned.id) if name and several else name
