"""A refusal keeps nothing of its request in memory."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace
from typing import cast

from tusd_py.domain.refusals import Refusal, UploadNotFound
from tusd_py.http.context import Context
from tusd_py.http.failures import refusal_of


class Brought:
    """A stand-in for a large object that a request brought."""


def _work(references: list[weakref.ref[Brought]]) -> None:
    brought = Brought()
    references.append(weakref.ref(brought))
    raise UploadNotFound


def _answer(references: list[weakref.ref[Brought]]) -> str:
    """Catch an UploadNotFound as handlers do, and return its code. `references` gets a weak reference to an object that
    the function that raised it had."""
    try:
        _work(references)
    except Refusal as error:
        refusal = refusal_of(cast("Context", SimpleNamespace()), error)
        return refusal.code
    return ""


def test_a_refusal_holds_nothing_of_what_the_request_brought() -> None:
    references = list[weakref.ref[Brought]]()
    gc.disable()
    try:
        assert _answer(references) == UploadNotFound.code
        assert [reference() for reference in references] == [None]
    finally:
        gc.enable()
