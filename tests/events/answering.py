"""Answers of a hook to questions, and the calls that it got."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from aiohttp import web

from tests.support.receiver import Answer, Arrival, Receiver
from tests.support.tus import TusClient

Serve = Callable[..., AbstractAsyncContextManager[TusClient]]
"""A function that starts a server for as long as the block lasts, and gives a client of it: the positional arguments
name the hooks that the server calls at the test's receiver, the keyword arguments are further settings."""


def says(**members: Any) -> Answer:
    """Return an answer with these members as a JSON object."""
    return lambda _: web.json_response(members)


def says_text(text: str) -> Answer:
    return lambda _: web.Response(text=text)


def questions(hook: Receiver, name: str) -> list[Arrival]:
    """Return the calls that the receiver got of the hook `name`, in order."""
    return [arrival for arrival in hook.arrivals if arrival.json["Type"] == name]
