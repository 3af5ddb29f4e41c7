"""The exposures that settings leave in a server open to any client; docs/security.md says how to close most of them."""

from __future__ import annotations

from collections.abc import Mapping

from tusd_py.config.cross_checks import STRANGER
from tusd_py.config.kinds import EVERYWHERE
from tusd_py.config.settings import Settings


def exposures(settings: Settings) -> Mapping[str, str]:
    """Return phrases for what a security review would object to in a server on the internet, by the name (with hyphens)
    of the setting that closes the exposure.
    """
    any_origin = not settings.disable_cors and settings.cors_allow_origin.fullmatch(STRANGER) is not None
    deletable = settings.terminate_finished and not settings.disable_termination and not settings.auth
    networks = {str(network) for network in settings.trusted_proxies}
    trusts_all = settings.behind_proxy and not networks.isdisjoint(EVERYWHERE)
    risks = {
        "max-size": settings.max_size is None and "uploads of any size",
        "max-uploads": settings.max_uploads is None and "any number of uploads at a time",
        "max-client-creations": settings.max_client_creations is None and "any rate of new uploads from one address",
        "max-open-uploads": settings.max_open_uploads is None and "any number of unfinished uploads",
        "max-open-bytes": settings.max_open_bytes is None and "any number of bytes of unfinished uploads",
        "min-data-rate": settings.min_data_rate is None and "request bodies at any low rate",
        "retention": settings.retention is None and "finished uploads are kept without an end",
        "cors-allow-origin": any_origin and "pages of any site may use the server",
        "disable-cors": settings.disable_cors and "pages of any site may send what browsers allow without CORS",
        "trusted-proxies": trusts_all and "any client may claim another address and another request URL",
        "terminate-finished": deletable and "the URL of a finished upload is enough to delete it",
        "metrics-address": settings.metrics_address is None and "/metrics can be read by every client",
        "allowed-hosts": not settings.allowed_hosts and "requests for any host name are served",
    }
    return {setting: risk for setting, risk in risks.items() if risk}
