"""Uploads that the server makes have all their bytes, or aren't finished."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.contracts.engine.test_allowances import acting
from tests.support.harness import Harness
from tusd_py.domain.refusals import TooLarge
from tusd_py.engine.make import make

PIECES = (b"abc", b"d", b"ef")


async def pieces() -> AsyncGenerator[bytes, None]:
    for piece in PIECES:
        yield piece


@pytest.mark.parametrize("max_length", [None, 6, 7])
async def test_all_its_bytes_are_finished(harness: Harness, max_length: int | None) -> None:
    harness.limit(max_length=max_length)
    upload = await make(harness.engine, harness.engine.new_id(), {}, pieces())
    assert (upload.done, upload.length) == (True, 6)
    assert harness.stored(upload) == b"".join(PIECES)


@pytest.mark.parametrize("max_length", [0, 2, 3, 4, 5])
async def test_bytes_past_the_limit_are_refused(harness: Harness, max_length: int) -> None:
    """If the bytes of which the server makes an upload (`make`), one piece after another, exceed `max-length`, `make`
    raises TooLarge and no upload is finished."""
    harness.limit(max_length=max_length)
    with pytest.raises(TooLarge):
        await make(harness.engine, harness.engine.new_id(), {}, pieces())
    assert harness.observer.count("finished") == 0


async def test_its_credential_limits_it(harness: Harness) -> None:
    engine = acting(harness, max_length=5)
    with pytest.raises(TooLarge):
        await make(engine, engine.new_id(), {}, pieces())
    assert harness.observer.count("finished") == 0
