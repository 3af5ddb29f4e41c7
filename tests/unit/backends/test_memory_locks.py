"""The locker of one process (`MemoryLocker`): what it keeps in memory, and when it asks a new holder to release the
lock."""

from __future__ import annotations

import asyncio

from tests.support.uploads import upload
from tusd_py.backends.memory.locks import MemoryLocker


async def test_nothing_is_remembered_of_an_upload_that_nobody_holds() -> None:
    locker = MemoryLocker()

    async def enter(number: int) -> None:
        async with locker.hold(upload(number).id, on_release_request=lambda: None, wait=5):
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(enter(number % 3)) for number in range(30)]
    await asyncio.sleep(0)
    for task in tasks[::4]:
        task.cancel()
    await asyncio.wait(tasks)
    assert not locker._queues


async def test_new_holder_with_waiters_gets_release_request() -> None:
    """A request that gets the lock while another one still waits for it is asked at once to release it."""
    locker, release_request = MemoryLocker(), asyncio.Event()

    async def second() -> None:
        async with locker.hold(upload().id, on_release_request=release_request.set, wait=5):
            await release_request.wait()

    async def third() -> None:
        async with locker.hold(upload().id, on_release_request=lambda: None, wait=5):
            pass

    async with locker.hold(upload().id, on_release_request=lambda: None, wait=0):
        tasks = [asyncio.create_task(second()), asyncio.create_task(third())]
        await asyncio.sleep(0)
    async with asyncio.timeout(2):
        await asyncio.gather(*tasks)
