"""The policy that asks a hook (pre-access) before each use of an upload but HEAD."""

from __future__ import annotations

from tusd_py.domain.answers import NO_ANSWER, Answer
from tusd_py.domain.caller import Caller
from tusd_py.domain.hook_refusals import AccessRejected
from tusd_py.domain.intents import Begin, Create, Inspect, Intent
from tusd_py.domain.upload import Upload
from tusd_py.events_out.questions import HookQuestions


class HookPolicy:
    """A `ports.policy.Policy` that asks a hook, except before HEAD: a client whose HEAD fails starts over."""

    def __init__(self, questions: HookQuestions) -> None:
        self._questions = questions

    async def allow(self, caller: Caller, intent: Intent, upload: Upload) -> Answer:
        if isinstance(intent, Inspect):
            return NO_ANSWER
        response = await self._questions.before_access(caller, upload, planned=isinstance(intent, Create | Begin))
        if response.reject_access:
            raise AccessRejected(response.answer)
        return response.answer
