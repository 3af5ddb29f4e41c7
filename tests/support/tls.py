"""Certificates of a server at 127.0.0.1."""

from __future__ import annotations

import ssl

import trustme


def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the context of a server, and that of clients that trust it."""
    authority, server, trusting = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(trusting)
    return server, trusting
