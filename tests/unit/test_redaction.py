"""Lines of the log lose their secrets, but stay valid: JSON, quotes and the ends of lines are kept."""

from __future__ import annotations

import ast
import io
import json
from typing import Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.test_log import _same_logging_afterwards
from tusd_py.telemetry.log import configure_logging, get_logger
from tusd_py.telemetry.redaction import without_secrets

__all__ = ["_same_logging_afterwards"]

TEXTS = st.text("?:/@&=\"'\\<> \n\t\x1bné", max_size=12) | st.text(max_size=12)
SECRETS = st.sampled_from(
    [
        "https://h/k?X-Amz-Credential=SECRET&X-Amz-Signature=SECRET",
        "?x-amz-security-token=SECRET",
        "Signature=SECRET",
        "?token=SECRET",
        "?db=0&password=SECRET",
        "&Ticket=SECRET",
        "redis://user:SECRET@h",
        "redis://:it's-SECRET@h",
    ]
)
PATHS = st.lists(TEXTS | SECRETS, max_size=5).map("".join)


def logged(log_format: Literal["text", "json"], **fields: Any) -> str:
    stream = io.StringIO()
    configure_logging(log_format, "info", stream)
    get_logger("tusd_py.x").info("request", **fields, last="end")
    return stream.getvalue().removesuffix("\n")


@given(PATHS)
@example('/files/?x-amz-a"b')
@example('/files/?token=a"b&Signature=a"b')
@example("/files/?x-amz-a\\")
@example('/files/?x-amz-a\\"b')
@example('/files/?a="&X-Amz-Security-Token=SECRET')
def test_a_line_of_json_stays_json(path: str) -> None:
    line = logged("json", path=path, nested=[{"url": path}])
    record = json.loads(line)
    assert (record["event"], record["last"], record["nested"]) == ("request", "end", [{"url": record["path"]}])
    assert "SECRET" not in line


@given(PATHS)
@example('/files/?x-amz-a"b')
@example("/files/?x-amz-a'b\"c\\")
def test_a_text_in_quotes_stays_in_quotes(path: str) -> None:
    line = logged("text", path=f"{path} \n").partition("path=")[2]
    assert "SECRET" not in line
    assert isinstance(ast.literal_eval(line), str)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("redis://:it's@h", "redis://***@h"),
        ('{"a": "?x-amz-a=\\"b\\\\", "b": "?c"}', '{"a": "?…", "b": "?c"}'),
        ('{"a": "?token=b\\nnext"}', '{"a": "?token=***\\nnext"}'),
        ('token="a"', 'token="a"'),
        ("?token=", "?token="),
        ("'https://h/?Signature=a&b=c', 'd'", "'https://h/?…', 'd'"),
        ("Credential=a, SignedHeaders=b", "Credential=***, SignedHeaders=b"),
    ],
)
def test_a_secret_ends_where_its_text_does(line: str, expected: str) -> None:
    assert without_secrets(line) == expected
