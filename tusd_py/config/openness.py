"""What the settings leave open to anybody who reaches the server: docs/security.md says how to close it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address

from tusd_py.config.addresses import Address, TcpAddress
from tusd_py.config.kinds import EVERYWHERE
from tusd_py.config.settings import STRANGER, Settings


def left_open(settings: Settings) -> Mapping[str, str]:
    """What a reviewer would refuse for a server on the internet, by the setting that closes it."""
    any_origin = not settings.disable_cors and settings.cors_allow_origin.fullmatch(STRANGER) is not None
    deletable = settings.terminate_finished and not settings.disable_termination
    told_by_any = settings.behind_proxy and not {str(each) for each in settings.trusted_proxies}.isdisjoint(EVERYWHERE)
    found = {
        "max-size": settings.max_size is None and "uploads of any size",
        "max-uploads": settings.max_uploads is None and "any number of uploads at a time",
        "max-client-creations": settings.max_client_creations is None
        and "as many new uploads from an address as it likes",
        "max-open-uploads": settings.max_open_uploads is None and "any number of unfinished uploads",
        "max-open-bytes": settings.max_open_bytes is None and "any number of bytes of unfinished uploads",
        "min-data-rate": settings.min_data_rate is None and "bodies as slow as they like",
        "retention": settings.retention is None and "finished uploads are kept for ever",
        "cors-allow-origin": any_origin and "pages of any site may use it",
        "disable-cors": settings.disable_cors and "pages of any site may change something, as far as browsers let them",
        "trusted-proxies": told_by_any and "any client may say who it is and which URL it asked for",
        "terminate-finished": deletable and "the URL of a finished upload is enough to delete it",
        "metrics-address": settings.metrics_address is None and "/metrics can be read by anybody",
        "allowed-hosts": not settings.allowed_hosts and "requests for any host name are served",
    }
    return {setting: what for setting, what in found.items() if what}


def from_elsewhere(addresses: Iterable[Address]) -> Sequence[Address]:
    """Those of `addresses` that more than this machine can reach."""
    return [each for each in addresses if isinstance(each, TcpAddress) and not is_loopback(each.host)]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address; a name counts as reachable unless it is localhost."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
