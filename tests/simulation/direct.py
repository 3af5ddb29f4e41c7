"""A client whose bytes go straight into the bucket, and who asks the server only to begin and to end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from tests.simulation.bucket import Refused
from tests.simulation.client import Client, Vanished
from tusd_py.engine.direct import abort, announce, begin, complete
from tusd_py.model import Direct, DirectPart, Upload
from tusd_py.protocol.intents import Begin

_PART = 8


class DirectClient(Client):
    """As Uppy's: it asks again until it has an answer. What it sends to S3 itself always arrives."""

    async def begin(self, *, direct: Direct = Direct.PARTS, told: bool = True) -> None:
        """`told`: it says how long the upload is."""
        length = len(self.content) if told else None
        intent = Begin(direct=direct, length=length, metadata={"name": self._name})
        step = begin if direct is Direct.PARTS else announce
        self._upload: Upload = await self._insist(lambda: self._ask(lambda ports, _: step(ports, intent)))
        self.url = self._upload.id

    def send_parts(self) -> Sequence[DirectPart]:
        """As the completion names them. Raises Vanished."""
        size = max(_PART, -(-len(self.content) // self.world.setup.max_parts))
        pieces = [self.content[at : at + size] for at in range(0, len(self.content), size)]
        return [self._send_part(number, piece) for number, piece in enumerate(pieces, start=1)]

    def _send_part(self, number: int, piece: bytes) -> DirectPart:
        key, multipart = self._upload.cursor["key"], self._upload.cursor["multipart"]
        try:
            return DirectPart(number=number, etag=self.world.bucket.put_part(key, multipart, number, piece, {}))
        except Refused as refused:
            raise Vanished from refused

    def send_whole(self) -> None:
        headers = {"x-amz-meta-tus-id": str(self._upload.id)}
        self.world.bucket.put(self._upload.cursor["key"], self.content, headers, self.world.now())

    async def complete(self, parts: Sequence[DirectPart]) -> None:
        """Raises Vanished."""
        key = self._upload.cursor["key"]
        self._hear(await self._insist(lambda: self._ask(lambda ports, _: complete(ports, self.there, key, parts))))

    async def abort(self) -> None:
        """Until it is gone."""
        key = self._upload.cursor["key"]
        with suppress(Vanished):
            await self._insist(lambda: self._ask(lambda ports, _: abort(ports, self.there, key)))
