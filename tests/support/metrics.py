"""A server's /metrics, parsed."""

from __future__ import annotations


def total(text: str, name: str) -> float:
    """Return the sum over all labels of the counter or gauge `tusdpy_{name}` in `text`, a server's /metrics. Raises
    AssertionError if `text` has no metric of that name."""
    assert f"# TYPE tusdpy_{name} " in text, f"there is no metric {name}"
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return sum(float(value) for sample, value in lines if sample.partition("{")[0] == f"tusdpy_{name}")
