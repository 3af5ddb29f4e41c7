"""Uploads through both S3 clients, aiobotocore's and the server's own, over TLS with a private CA and through proxies,
as environment variables or the AWS config file name them."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import randbytes

import pytest

from devtools.certificates import Certificate, certify
from devtools.seaweed import SeaweedFS
from tests.support.aws import applied, environment
from tests.support.forward import ForwardProxy
from tests.support.s3proxy import S3Proxy
from tusd_py.ports.meter import Meter
from tusd_py.storage.s3 import transport
from tusd_py.storage.s3.api import requests as wire
from tusd_py.storage.s3.api.client import S3Client
from tusd_py.storage.s3.api.connect import connect
from tusd_py.storage.s3.api.errors import S3TransientError
from tusd_py.storage.s3.api.requests import Payload
from tusd_py.storage.s3.cursor import Part
from tusd_py.storage.s3.options import S3Options

PART = randbytes(5 * 1024 * 1024)

CA_NAMED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "AWS_CA_BUNDLE": ("", ("AWS_CA_BUNDLE",)),
    "ca_bundle": ("[default]\nca_bundle = {}\n", ()),
    "ca_bundle of a profile": ("[profile work]\nca_bundle = {}\n", ("AWS_PROFILE=work",)),
    "REQUESTS_CA_BUNDLE": ("", ("REQUESTS_CA_BUNDLE",)),
    "SSL_CERT_FILE": ("", ("SSL_CERT_FILE",)),
    "AWS_CA_BUNDLE before SSL_CERT_FILE": ("", ("AWS_CA_BUNDLE", "SSL_CERT_FILE=/nowhere")),
}


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return certify("127.0.0.1", tmp_path)


@asynccontextmanager
async def connected(endpoint: str, chosen: Mapping[str, str]) -> AsyncIterator[S3Client]:
    with pytest.MonkeyPatch.context() as patched:
        applied(patched, chosen)
        async with connect(S3Options(bucket="uploads", endpoint_url=endpoint), Meter()) as connection:
            yield connection.client


def payload(data: bytes) -> Payload:
    async def stream() -> AsyncIterator[bytes]:
        yield data

    return Payload(length=len(data), chunks=stream)


async def read(client: S3Client, key: str) -> bytes:
    return b"".join([chunk async for chunk in client.get(key)])


async def upload(client: S3Client, key: str) -> None:
    """Store an object under `key` by one PUT, then replace it by a multipart upload of one part; read each back, and
    delete the object at the end. Fails if other bytes come back."""
    await client.put(key, payload(b"abc"), {})
    assert await read(client, key) == b"abc"
    multipart = (await client._boto.create_multipart_upload(Bucket="uploads", Key=key))["UploadId"]
    etag = await client.upload_part(key, multipart, 1, payload(PART), {})
    await client.complete_multipart(key, multipart, [Part(number=1, length=len(PART), etag=etag)], total=None)
    assert await read(client, key) == PART
    await client.delete([key])


@pytest.mark.parametrize("way", CA_NAMED)
async def test_a_private_ca_is_named_once(
    seaweed: SeaweedFS, tmp_path: Path, certificate: Certificate, way: str
) -> None:
    config, names = CA_NAMED[way]
    pairs = [name.split("=") if "=" in name else [name, str(certificate.authority)] for name in names]
    chosen = environment(tmp_path, seaweed.user, config=config.format(certificate.authority), **dict(pairs))
    async with S3Proxy(seaweed.endpoint, tls=certificate.serving()) as s3, connected(s3.endpoint, chosen) as client:
        await upload(client, "private")


async def test_a_ca_that_is_not_named_is_not_trusted(
    seaweed: SeaweedFS, tmp_path: Path, certificate: Certificate
) -> None:
    chosen = environment(tmp_path, seaweed.user)
    async with S3Proxy(seaweed.endpoint, tls=certificate.serving()) as s3, connected(s3.endpoint, chosen) as client:
        with pytest.raises(S3TransientError, match=r"SSLError; .* name that in AWS_CA_BUNDLE"):
            await client.ping()
        with pytest.raises(S3TransientError, match=r"CertificateError; .* name that in AWS_CA_BUNDLE"):
            await client.reach("k")
        assert not s3.calls


def tunnels(proxy: ForwardProxy, tls: bool) -> Mapping[str, str]:  # noqa: FBT001
    return {"HTTPS_PROXY" if tls else "HTTP_PROXY": f"http://me:s%40cret@127.0.0.1:{proxy.port}"}


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
async def test_all_that_goes_to_s3_goes_through_the_proxy(
    seaweed: SeaweedFS,
    tmp_path: Path,
    certificate: Certificate,
    tls: bool,  # noqa: FBT001
) -> None:
    async with (
        ForwardProxy() as proxy,
        S3Proxy(seaweed.endpoint, tls=certificate.serving() if tls else None) as s3,
    ):
        variables = {**tunnels(proxy, tls), "AWS_CA_BUNDLE": str(certificate.authority)}
        async with connected(s3.endpoint, environment(tmp_path, seaweed.user, **variables)) as client:
            await upload(client, "proxied")
        assert proxy.methods() == ({"CONNECT"} if tls else {"PUT", "GET", "POST", "DELETE"})
        assert len(proxy.request_lines) >= (2 if tls else len(s3.calls)), "each client has its own tunnel"
        assert proxy.credentials == {"Basic bWU6c0BjcmV0"}, "me:s@cret"


async def test_what_no_proxy_names_is_reached_without_one(seaweed: SeaweedFS, tmp_path: Path) -> None:
    async with ForwardProxy() as proxy:
        chosen = environment(tmp_path, seaweed.user, NO_PROXY="127.0.0.1", **tunnels(proxy, tls=False))
        async with connected(seaweed.endpoint, chosen) as client:
            await upload(client, "direct")
        assert not proxy.request_lines


async def test_a_proxy_has_its_own_ca_and_asks_for_a_certificate(
    seaweed: SeaweedFS, tmp_path: Path, certificate: Certificate
) -> None:
    (tmp_path / "proxy").mkdir()
    its = certify("127.0.0.1", tmp_path / "proxy")
    mine = its.chain.with_name("both.pem")
    mine.write_bytes(its.key.read_bytes() + its.chain.read_bytes())
    tls = its.serving()
    tls.load_verify_locations(its.authority)
    tls.verify_mode = ssl.CERT_REQUIRED
    config = f"[default]\nproxy_ca_bundle = {its.authority}\nproxy_client_cert = {mine}\n"
    async with ForwardProxy(tls=tls) as proxy, S3Proxy(seaweed.endpoint, tls=certificate.serving()) as s3:
        variables = {"HTTPS_PROXY": f"https://127.0.0.1:{proxy.port}", "AWS_CA_BUNDLE": str(certificate.authority)}
        async with connected(s3.endpoint, environment(tmp_path, seaweed.user, config=config, **variables)) as client:
            await upload(client, "proxied")
        assert proxy.methods() == {"CONNECT"}


async def test_a_proxy_that_never_answers_is_given_up(
    seaweed: SeaweedFS, tmp_path: Path, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request through a proxy that never answers raises S3TransientError, and isn't sent to S3 without the proxy
    instead."""
    async with ForwardProxy(silent=True) as proxy, S3Proxy(seaweed.endpoint, tls=certificate.serving()) as s3:
        variables = {**tunnels(proxy, tls=True), "AWS_CA_BUNDLE": str(certificate.authority)}
        monkeypatch.setattr(transport, "_CONNECT_SECONDS", 0.2)
        monkeypatch.setattr(wire, "_TIMEOUT_SECONDS", 0.2)
        async with connected(s3.endpoint, environment(tmp_path, seaweed.user, **variables)) as client:
            for ask in (client.ping(), client.reach("k")):
                with pytest.raises(S3TransientError):
                    await ask
        assert not s3.calls
