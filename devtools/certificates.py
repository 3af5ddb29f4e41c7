"""Certificates for servers on this machine."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The files of the chain and the key, and of the authority that clients must trust."""

    chain: Path
    key: Path
    authority: Path

    def serving(self) -> ssl.SSLContext:
        """Return the TLS context of a server that uses this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context


def certify(host: str, directory: Path) -> Certificate:
    """Make a new authority, and a certificate that it signs for the host."""
    authority = trustme.CA()
    paths = {name: directory / f"{name}.pem" for name in ("chain", "key", "authority")}
    issued = authority.issue_cert(host)
    issued.private_key_pem.write_to_path(paths["key"])
    for blob in issued.cert_chain_pems:
        blob.write_to_path(paths["chain"], append=True)
    authority.cert_pem.write_to_path(paths["authority"])
    return Certificate(**paths)


def self_signed(host: str, chain: Path, key: Path) -> None:
    """Write a self-signed certificate for the host, valid for a day, to `chain`, and its key to `key`."""
    private, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    builder = x509.CertificateBuilder(
        name, name, private.public_key(), x509.random_serial_number(), now, now + timedelta(1)
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    chain.write_bytes(builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    encoding, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key.write_bytes(private.private_bytes(encoding, pkcs8, serialization.NoEncryption()))
