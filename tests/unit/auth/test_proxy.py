"""Users whom a proxy names."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from tests.support.credentials import passed_on, request
from tusd_py.auth.proxy import ProxyUsers
from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.domain.caller import Caller
from tusd_py.domain.principal import Principal

USERS = ProxyUsers("X-User")


async def test_a_trusted_proxy_names_the_user() -> None:
    assert await USERS.identify(passed_on(X_User=" alice ")) == Principal(subject="alice")
    assert await USERS.identify(passed_on(x_user="cn=alice,o=x")) == Principal(subject="cn=alice,o=x")


async def test_the_first_of_two_fields_counts() -> None:
    headers = CIMultiDict([("X-User", "alice"), ("x-user", "mallory")])
    assert await USERS.identify(Caller(headers=headers, proxied=True)) == Principal(subject="alice")


async def test_other_peers_are_not_believed() -> None:
    assert await USERS.identify(request(X_User="alice")) is None


async def test_without_the_field_there_is_no_user() -> None:
    for caller in (passed_on(), passed_on(X_User=" "), passed_on(X_Other="alice")):
        assert await USERS.identify(caller) is None


async def test_a_name_that_would_break_a_log_line_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        await USERS.identify(passed_on(X_User="alice\x1b[1m"))
