"""The table of docs/clients.md: if each client could upload directly and by each proxy, in a run of test_matrix.py.

`make matrix` runs those tests and writes the table.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from devtools.proxies import FRONTS
from tests.proxies.clients import CLIENTS
from tests.support.server import ROOT

WAYS = ("direct", *FRONTS)
HEADINGS = {"direct": "direct, HTTP", "nginx": "nginx, TLS", "caddy": "Caddy, TLS"}
NOT_THERE = frozenset((client, "direct") for client in CLIENTS if "HTTP/2" in client)
"""Cells that can't be: HTTP/2 without a proxy, as the server itself speaks HTTP/1.1 only."""
CELLS = [(client, way) for client in CLIENTS for way in WAYS if (client, way) not in NOT_THERE]

DOCUMENT = ROOT / "docs" / "clients.md"
TABLE = re.compile(r"(?<=<!-- matrix -->\n).*?(?=<!-- /matrix -->)", re.DOTALL)
_WORDS = {"passed": "yes", "skipped": "not run", "failed": "**no**"}


class Seen:
    """A plugin of pytest that keeps, in the words of the table in docs/clients.md, the outcome of each test of a client
    by a way: directly or through a proxy."""

    def __init__(self) -> None:
        self.outcomes: dict[tuple[str, str], str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        cell = dict(report.user_properties)
        if "client" in cell and (report.when == "call" or report.outcome != "passed"):
            self.outcomes[str(cell["client"]), str(cell["way"])] = _WORDS[report.outcome]


def table(outcomes: Mapping[tuple[str, str], str]) -> str:
    lines = [["client", *(HEADINGS[way] for way in WAYS)], ["---"] * (len(WAYS) + 1)]
    lines += [[client, *(outcomes.get((client, way), "–") for way in WAYS)] for client in CLIENTS]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> int:
    outcomes = Seen()
    code = pytest.main(["-q", str(Path(__file__).parent / "test_matrix.py"), "-k", "client"], plugins=[outcomes])
    DOCUMENT.write_text(TABLE.sub(lambda _: table(outcomes.outcomes), DOCUMENT.read_text()))
    return code


if __name__ == "__main__":
    sys.exit(main())
