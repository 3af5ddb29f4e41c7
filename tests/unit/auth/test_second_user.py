"""An authentication server that sends one answer twice: the surplus one isn't taken for the answer to the next request,
which would then count as one of the first request's user."""

from __future__ import annotations

import pytest

from tests.support.credentials import Troubles, request
from tests.support.twice import Twice
from tusd_py.config import load_settings
from tusd_py.server.auth_wiring import open_authenticator

_ANSWER = "HTTP/1.1 200 OK\r\nRemote-User: {}\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("late", [False, True], ids=["at-once", "on-the-idle-connection"])
async def test_a_second_answer_names_no_user(late: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    server = Twice(_ANSWER.format("alice").encode(), _ANSWER.format("bob").encode())
    async with server.running():
        settings = load_settings({"auth": "forward", "auth_url": server.url}, None, {})
        async with open_authenticator(settings, Troubles()) as authenticator:
            assert authenticator is not None
            if not late:
                server.again.set()
            first = await authenticator.identify(request())
            await server.answer_again()
            second = await authenticator.identify(request())
    assert first is not None
    assert second is not None
    assert (first.subject, second.subject) == ("alice", "bob")
