"""Jobs as the JSON text that every state store holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from tusd_py.domain.job import Job, JobPhase
from tusd_py.domain.principal import Allowance, Quota


def encode_job(job: Job) -> str:
    return json.dumps(asdict(job) | {"allowance": _encode_allowance(job.allowance)}, separators=(",", ":"))


def decode_job(text: str) -> Job:
    """Return the job from the text that `encode_job` returned. Fields that only newer versions write are ignored; those
    that older versions didn't write get their defaults."""
    stored = {name: value for name, value in json.loads(text).items() if name in _NAMES}
    changed = {
        "phase": JobPhase(stored["phase"]),
        "product_ids": tuple(stored.get("product_ids", ())),
        "allowance": _decode_allowance(stored.get("allowance") or {}),
    }
    return Job(**stored | changed)


def advance_job(job: Job) -> Job:
    """Return the job with the revision that its next save stores."""
    return replace(job, revision=job.revision + 1)


def _encode_allowance(allowance: Allowance) -> Mapping[str, Any]:
    return {
        "max_length": allowance.max_length,
        "types": allowance.types,
        "key_prefix": allowance.key_prefix,
        "quota": None if allowance.quota is None else asdict(allowance.quota),
        "rate": allowance.rate,
    }


def _decode_allowance(stored: Mapping[str, Any]) -> Allowance:
    quota, rate = stored.get("quota"), stored.get("rate")
    return Allowance(
        max_length=stored.get("max_length"),
        types=tuple(stored.get("types", ())),
        key_prefix=stored.get("key_prefix", ""),
        quota=None if quota is None else Quota(**{name: quota.get(name) for name in _QUOTA}),
        rate=None if rate is None else (rate[0], rate[1]),
    )


_QUOTA = tuple(field.name for field in fields(Quota))
_NAMES = frozenset(field.name for field in fields(Job))
