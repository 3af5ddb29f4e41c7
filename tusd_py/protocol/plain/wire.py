"""The wire of plain requests: statuses as in tus, nothing else of it."""

from __future__ import annotations

from collections.abc import Mapping

from tusd_py.domain.refusals import Refusal
from tusd_py.protocol.statuses import STATUS, details
from tusd_py.protocol.tus import Tus
from tusd_py.protocol.wire import Reply, RequestHead


class Plain(Tus):
    """Plain HTTP, whose clients know no protocol for uploads."""

    common_headers: Mapping[str, str] = {}

    def refuse(self, refusal: Refusal, head: RequestHead) -> Reply:  # noqa: ARG002  the port's signature
        text = f"{refusal.code}: {refusal.message}\n"
        return Reply(status=STATUS[type(refusal)], headers={"Cache-Control": "no-store", **details(refusal)}, text=text)
