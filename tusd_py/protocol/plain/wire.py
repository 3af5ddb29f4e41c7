"""The wire of plain HTTP, which writes its refusals: without the header fields of tus, and with the statuses that
protocols share. `answers` makes the replies to uploads."""

from __future__ import annotations

from collections.abc import Mapping

from tusd_py.domain.refusals import Refusal
from tusd_py.protocol.statuses import STATUS, details
from tusd_py.protocol.tus import Tus
from tusd_py.protocol.wire import Reply, RequestHead


class Plain(Tus):
    """The wire of plain HTTP, for clients that know no upload protocol. Only its refusals are used: lines of text."""

    common_headers: Mapping[str, str] = {}

    def refuse(self, refusal: Refusal, head: RequestHead) -> Reply:  # noqa: ARG002  the port's signature
        text = f"{refusal.code}: {refusal.message}\n"
        return Reply(status=STATUS[type(refusal)], headers={"Cache-Control": "no-store", **details(refusal)}, text=text)
