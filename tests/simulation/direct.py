"""A client whose bytes go straight into the bucket: the server signs what it sends, and hears of the end."""

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
    """A client like Uppy's: it repeats a request until it has an answer. The bytes that it sends to S3 itself always
    arrive."""

    async def begin(self, *, mode: DirectMode = DirectMode.PARTS, with_length: bool = True, late: bool = False) -> None:
        """Begin a direct upload. With `with_length` the client declares its length; with `late` it only announces the
        upload, and opens it before parts are sent."""
        length = len(self.content) if with_length else None
        metadata = {"name": self._name, "partsize": str(self._part_size).encode()}
        intent = Begin(mode=mode, length=length, metadata=metadata)
        step = begin if mode is DirectMode.PARTS and not late else announce
        self._upload: Upload = await self._insist(lambda: self._ask(lambda engine, _: step(engine, intent)))
        self.url = self._upload.id

    async def send_parts(self, *, all_again: bool = False) -> None:
        """Sends the missing parts, or all. Raises Vanished."""
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
        """Send other bytes with the request that was signed for the first ones, by which the client may lose its
        upload."""
        headers = {"x-amz-meta-tus-id": str(self._upload.id)}
        self.world.bereft.add(self._upload.id)
        self.world.bucket.put(self._key, self.content[::-1], headers, self.world.now())

    async def send_whole(self, surplus: int = 0, *, form: bool = False) -> None:
        """Send the content in one request, with `surplus` bytes more than declared: no signature prevents that."""
        await self._insist(lambda: self._ask(lambda engine, _: sign_whole(engine, self._upload, form=form)))
        headers = {"x-amz-meta-tus-id": str(self._upload.id)}
        self.world.bucket.put(self._key, self.content + b"#" * surplus, headers, self.world.now())

    async def complete(self) -> None:
        """Complete the upload with the parts that were sent, and send again those that a fault removed. Raises
        Vanished, and Violation if S3 lacks parts without a fault."""

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
        """Ask for a link to the finished upload until there is one. The link isn't followed, as its bytes bypass this
        server."""

        async def linked(engine: Engine, _: Body) -> str:
            return await link(engine, await finished(engine, self.upload_id, Read()), {"Content-Type": "text/plain"})

        await self._insist(lambda: self._ask(linked))

    async def abort(self) -> None:
        """Abort the upload until it is gone."""
        with suppress(Vanished):
            await self._insist(lambda: self._ask(lambda engine, _: abort(engine, self.upload_id, self._key)))

    @property
    def _part_size(self) -> int:
        """Return the bytes of a part: at least `_PART`, above the smallest allowed, and more if the content would have
        too many parts."""
        return max(_PART, -(-len(self.content) // self.world.setup.max_parts))

    @property
    def _key(self) -> str:
        key: str = self._upload.cursor["key"]
        return key
