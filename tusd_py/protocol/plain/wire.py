"""The wire of plain HTTP, which writes its replies: that of tus, but without the header fields of tus, and with the
statuses that protocols share."""

from __future__ import annotations

from collections.abc import Mapping

from tusd_py.domain.refusals import Refusal
from tusd_py.protocol.statuses import STATUS, details
from tusd_py.protocol.tus import Tus
from tusd_py.protocol.wire import Reply, RequestHead


class Plain(Tus):
    """The wire of plain HTTP: it writes replies to clients that know no upload protocol. Refusals are lines of text."""

    common_headers: Mapping[str, str] = {}

    def refuse(self, refusal: Refusal, head: RequestHead) -> Reply:  # noqa: ARG002  the port's signature
        text = f"{refusal.code}: {refusal.message}\n"
        return Reply(status=STATUS[type(refusal)], headers={"Cache-Control": "no-store", **details(refusal)}, text=text)
