"""The wire of plain HTTP, which writes refusals: without the header fields of tus, and with the statuses of
`protocol/statuses.py`. The other replies are made by `plain/answers.py`."""

from __future__ import annotations

from collections.abc import Mapping

from tusd_py.domain.refusals import Refusal
from tusd_py.protocol.statuses import STATUS, details
from tusd_py.protocol.tus import Tus
from tusd_py.protocol.wire import Reply, RequestHead


class Plain(Tus):
    """The wire of plain HTTP, for clients that know no upload protocol. The only replies that it is asked for are
    refusals: a line of text each."""

    common_headers: Mapping[str, str] = {}

    def refuse(self, refusal: Refusal, head: RequestHead) -> Reply:  # noqa: ARG002  the port's signature
        text = f"{refusal.code}: {refusal.message}\n"
        return Reply(status=STATUS[type(refusal)], headers={"Cache-Control": "no-store", **details(refusal)}, text=text)
