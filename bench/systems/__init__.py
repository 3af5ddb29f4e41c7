"""The systems that are measured."""

from __future__ import annotations

from bench.systems.limits import NGINX, NGINX_LARGE, RELAY
from bench.systems.ours import CHECKED, PLAIN, TWO
from bench.systems.peers import COMPANION, RUSTUS, TUS_NODE, TUSD, TUSD_UNHASHED, TUSPYSERVER

LIMITS = (RELAY, NGINX, NGINX_LARGE)
TUSD_PY = (PLAIN, CHECKED, TWO)
ON_S3 = (TUSD, TUSD_UNHASHED, TUS_NODE)
ON_DISK = (TUSPYSERVER, RUSTUS)
ALL = (*LIMITS, *TUSD_PY, *ON_S3, *ON_DISK)
GOALS = (NGINX, NGINX_LARGE, PLAIN, CHECKED, TWO, TUSD, TUSD_UNHASHED, TUS_NODE)
"""The systems whose large uploads over plain HTTP are measured in a run with `--quick`."""

__all__ = [
    "ALL",
    "CHECKED",
    "COMPANION",
    "GOALS",
    "NGINX",
    "NGINX_LARGE",
    "PLAIN",
    "RELAY",
    "RUSTUS",
    "TUSD",
    "TUSD_UNHASHED",
    "TUSPYSERVER",
    "TUS_NODE",
    "TWO",
]
