"""A client of direct uploads, whose bytes go straight into the bucket. The server signs its requests to S3; it
completes an upload in parts when the client asks for that, and looks for the object of one that is sent in one
request."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from tests.simulation.bucket import Refused
from tests.simulation.client import Client, Vanished
from tests.simulation.world import Violation
from tests.support.intents import naming
from tusd_py.domain.direct import DirectMode, DirectPart
from tusd_py.domain.intents import Begin, Read
from tusd_py.domain.refusals import WrongParts
from tusd_py.domain.upload import Upload
from tusd_py.engine.direct import abort, announce, begin, complete, open_parts, parts, sign_part, sign_whole
from tusd_py.engine.engine import Engine
from tusd_py.engine.lookup import finished, link
from tusd_py.ports.body import Body

_PART = 8


class DirectClient(Client):
    """A client of direct uploads, like Uppy: it repeats each request to the server until that is answered, for GIVE_UP
    seconds at most. Its requests to S3 don't go over the simulated network, so that none of them gets lost."""

    async def begin(self, *, mode: DirectMode = DirectMode.PARTS, with_length: bool = True, late: bool = False) -> None:
        """Create the direct upload; with `with_length` the client declares its length. An upload in parts is ready for
        them at once; with `late` it is only announced, and `send_parts` opens it. Raises Violation after GIVE_UP
        seconds."""
        length = len(self.content) if with_length else None
        metadata = {"name": self._name, "partsize": str(self._part_size).encode()}
        intent = Begin(mode=mode, length=length, metadata=metadata)
        step = begin if mode is DirectMode.PARTS and not late else announce
        self._upload: Upload = await self._insist(lambda: self._ask(lambda engine, _: step(engine, intent)))
        self.url = self._upload.id

    async def send_parts(self, *, all_again: bool = False) -> None:
        """Send the parts that S3 lacks, or all with `all_again`, and keep the list of all parts for `complete`. Opens
        an upload that is only announced. Raises Vanished, and Violation after GIVE_UP seconds."""
        await self._open()
        stored = {} if all_again else {part.number: part for part in await self._parts()}
        size = self._part_size
        pieces = [self.content[at : at + size] for at in range(0, len(self.content), size)]
        for number, piece in enumerate(pieces, start=1):
            if number not in stored:
                stored[number] = await self._send_part(number, piece)
        self._sent_parts = [part for _, part in sorted(stored.items())]

    async def _open(self) -> None:
        """Have the server start the multipart upload of this client's upload, unless it has one: `begin` with `late`
        leaves that for later. Raises Vanished, and Violation after GIVE_UP seconds."""
        if self._upload.cursor.get("multipart") is not None:
            return

        async def opened(engine: Engine, _: Body) -> Upload:
            return await open_parts(engine, self.upload_id, self._key, {"late": b"1"})

        self._upload = await self._insist(lambda: self._ask(opened))

    async def _parts(self) -> Sequence[DirectPart]:
        return await self._insist(lambda: self._ask(lambda engine, _: parts(engine, self.upload_id, self._key)))

    async def _send_part(self, number: int, piece: bytes) -> DirectPart:
        async def sign(engine: Engine, _: Body) -> object:
            return await sign_part(engine, self.upload_id, self._key, number, len(piece))

        await self._insist(lambda: self._ask(sign))
        multipart = self._upload.cursor["multipart"]
        try:
            etag = self.world.bucket.put_part(self._key, multipart, number, piece, {})
        except Refused as refused:
            raise Vanished from refused
        return DirectPart(number=number, etag=etag)

    def send_surplus(self, length: int) -> None:
        """Send the last part again with `length` bytes, more than allowed: in this simulation no signature prevents
        that."""
        last = len(self._sent_parts)
        self.world.bucket.put_part(self._key, self._upload.cursor["multipart"], last, b"#" * length, {})

    def replace(self) -> None:
        """Send the presigned request of `send_whole` again, with other bytes than the content, and record in
        `world.bereft` that the client may lose its upload by that."""
        headers = {"x-amz-meta-tus-id": str(self._upload.id)}
        self.world.bereft.add(self._upload.id)
        self.world.bucket.put(self._key, self.content[::-1], headers, self.world.now())

    async def send_whole(self, surplus: int = 0, *, form: bool = False) -> None:
        """Have the server sign the one request of the upload, a form with `form`, else a PUT, and store the content in
        the bucket with `surplus` bytes more than it has: this simulation checks no signature. Raises Violation after
        GIVE_UP seconds."""
        await self._insist(lambda: self._ask(lambda engine, _: sign_whole(engine, self._upload, form=form)))
        headers = {"x-amz-meta-tus-id": str(self._upload.id)}
        self.world.bucket.put(self._key, self.content + b"#" * surplus, headers, self.world.now())

    async def complete(self) -> None:
        """Complete the upload with the parts that were sent. While the server answers that these are the wrong parts,
        send those that S3 lacks, if bytes of the upload were taken from the bucket (`world.robbed`). Raises Vanished;
        Violation if none were taken, or after GIVE_UP seconds without an answer."""

        async def end(engine: Engine, _: Body) -> Upload | None:
            with suppress(WrongParts):
                return await complete(engine, self.upload_id, self._key, naming(self._sent_parts))
            return None

        while (done := await self._insist(lambda: self._ask(end))) is None:
            if self.url not in self.world.robbed:
                raise Violation("parts are missing that no fault removed")
            await self.send_parts()
        self._hear(done)

    async def fetch(self) -> None:
        """Ask the server for a presigned link to download the finished upload until there is one. The link isn't
        followed, as that would bypass the server. Raises Vanished, and Violation after GIVE_UP seconds."""

        async def linked(engine: Engine, _: Body) -> str:
            return await link(engine, await finished(engine, self.upload_id, Read()), {"Content-Type": "text/plain"})

        await self._insist(lambda: self._ask(linked))

    async def abort(self) -> None:
        """Ask the server to abort the upload until it has done so, or answers that the upload is gone. Raises Violation
        after GIVE_UP seconds, as for a complete upload."""
        with suppress(Vanished):
            await self._insist(lambda: self._ask(lambda engine, _: abort(engine, self.upload_id, self._key)))

    @property
    def _part_size(self) -> int:
        """Return the size of each part but the last, in bytes: `_PART`, which is more than the provider's least, or
        more than that if the content would have too many parts."""
        return max(_PART, -(-len(self.content) // self.world.setup.max_parts))

    @property
    def _key(self) -> str:
        key: str = self._upload.cursor["key"]
        return key
