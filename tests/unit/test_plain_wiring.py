"""`plain_terms` returns None without `plain-uploads`, else terms whose `origins`, to which a plain upload may redirect,
are None unless `cors-allow-origin` is set; without the library that parses forms, it raises ConfigurationError."""

from __future__ import annotations

import sys

import pytest

from tusd_py.config import load_settings
from tusd_py.domain.errors import ConfigurationError
from tusd_py.server.plain_wiring import plain_terms


def test_without_its_library_there_is_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tusd_py.protocol.plain.form_parser", raising=False)
    monkeypatch.setitem(sys.modules, "python_multipart.multipart", None)
    with pytest.raises(ConfigurationError, match=r"^plain-uploads: .*install tusd-py\[forms\]$"):
        plain_terms(load_settings({"plain_uploads": True}, None, {}))


def test_only_named_origins_are_redirected_to() -> None:
    chosen = plain_terms(load_settings({"plain_uploads": True, "cors_allow_origin": ".*"}, None, {}))
    usual = plain_terms(load_settings({"plain_uploads": True}, None, {}))
    assert chosen is not None
    assert chosen.origins is not None
    assert usual is not None
    assert (usual.origins, usual.ambient) == (None, False)
    assert plain_terms(load_settings({}, None, {})) is None
