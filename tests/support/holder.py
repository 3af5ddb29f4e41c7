"""A process that holds the lock of an upload: `python -m tests.support.holder sqlite|redis WHERE TTL UPLOAD`.

Says `held`, then answers each line of its input with the state of its lease: `valid` or `superseded`. Says `asked` when
another request asks it to leave, and stays. Gives the lock back once its input ends. WHERE is the path of SQLite's
state file, next to which the leases are kept, or a URL of Redis; TTL is in seconds; UPLOAD is an id.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tusd_py.backends.redis.locks import RedisLocker
from tusd_py.backends.sqlite.locks import SqliteLocker
from tusd_py.domain.errors import Superseded
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.locks import Lease, Locker


def say(word: str) -> None:
    print(word, flush=True)


def state_of(lease: Lease) -> str:
    try:
        lease.check()
    except Superseded:
        return "superseded"
    return "valid"


async def main(kind: str, where: str, ttl: float, upload_id: UploadId) -> None:
    locker: Locker = SqliteLocker(Path(where), ttl) if kind == "sqlite" else RedisLocker(where, ttl)
    async with locker.hold(upload_id, on_release_request=lambda: say("asked"), wait=5) as lease:
        say("held")
        while await asyncio.to_thread(sys.stdin.readline):
            say(state_of(lease))
    await locker.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), UploadId(sys.argv[4])))
