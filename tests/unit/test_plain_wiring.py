"""`plain_terms`: None without `plain-uploads`, else the origins that a plain upload may redirect to; and the error if
the library that parses forms is missing."""

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
