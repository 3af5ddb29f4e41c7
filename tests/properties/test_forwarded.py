"""The nearest proxy's element of Forwarded names the client, no matter what the client sends before it."""

from __future__ import annotations

from aiohttp.test_utils import make_mocked_request
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict

from tusd_py.config.kinds import LOOPBACK
from tusd_py.http.forwarded import Trust

ADDRESS = "203.0.113.9"
SENT = st.lists(st.text(st.sampled_from(' for=[::1]",;\\a'), max_size=40), max_size=4)
"""Forwarded lines of a client, made of the characters that mean something in that header."""
VALUES = st.text(st.sampled_from('",;=\\ a'), max_size=10)


def element(value: str) -> str:
    """Return a proxy's element of Forwarded for ADDRESS, with `value` quoted in its other parameters."""
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"by={quoted};for={ADDRESS};host={quoted}"


def client(lines: list[str]) -> str:
    headers = CIMultiDict([("Forwarded", line) for line in lines])
    request = make_mocked_request("GET", "/", headers=headers).clone(remote="127.0.0.1")
    return Trust(networks=LOOPBACK).client(request)


@given(SENT, VALUES)
@example(['for="[::1]'], "")
@example(['for="[::1]\\""'], "a")
def test_what_the_nearest_proxy_appended_names_the_client(client_lines: list[str], value: str) -> None:
    appended = element(value)
    assert client([*client_lines, appended]) == ADDRESS
    assert client([*client_lines[:-1], ", ".join((*client_lines[-1:], appended))]) == ADDRESS
