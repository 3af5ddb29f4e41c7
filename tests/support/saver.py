"""A process that saves an upload, whose id is UPLOAD, in the SQLite state at PATH, in competition with other processes:
`python -m tests.support.saver PATH UPLOAD SAVES`.

Each of its SAVES successful saves adds 1 to the upload's offset, and an entry; the process then prints the offset that
was saved. A save that is superseded is tried again.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.domain.errors import Superseded
from tusd_py.domain.upload_id import UploadId


async def main(path: Path, upload_id: UploadId, saves: int) -> None:
    state = SqliteState(path)
    while saves > 0:
        current = await state.load(upload_id)
        assert current is not None
        with suppress(Superseded):
            saved = await state.save(replace(current, offset=current.offset + 1), [{"offset": current.offset + 1}])
            print(saved.offset, flush=True)
            saves -= 1
    await state.aclose()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), UploadId(sys.argv[2]), int(sys.argv[3])))
