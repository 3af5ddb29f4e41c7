"""Each client uploads directly and through each proxy (in HTTP/2 only through proxies): S3 then has the bytes that the
client was given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.proxies.clients import CLIENTS, Load
from tests.proxies.conftest import Entrances
from tests.proxies.matrix import CELLS, DOCUMENT, TABLE, table

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
"""aiohttp warns the client that a body is large; the clients pass large chunks on purpose."""

TRUST = ("NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""The variables in which Node, requests and Go look for authorities."""


@pytest.mark.parametrize(("client", "way"), CELLS)
@pytest.mark.usefixtures("tus_js")
async def test_a_client_uploads(
    client: str,
    way: str,
    entrances: Entrances,
    data: bytes,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("client", client)
    record_property("way", way)
    entrance = entrances[way]
    for variable in TRUST if entrance.authority else ():
        monkeypatch.setenv(variable, str(entrance.authority))
    url = await CLIENTS[client](entrance, Load(file=file, data=data))
    assert url.startswith(entrance.url)
    assert entrance.stored(url) == data


def test_the_table_in_the_documents_is_of_these_cells() -> None:
    """The table in docs/clients.md has all clients, with `yes` for each way but HTTP/2 without a proxy, which has `–`.
    If this fails, `make matrix` writes the table again."""
    (written,) = TABLE.findall(DOCUMENT.read_text())
    assert written == table(dict.fromkeys(CELLS, "yes"))
