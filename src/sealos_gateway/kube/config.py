"""How to reach the API server and as whom: from a kubeconfig, or from what is mounted into a pod.

A kubeconfig is read by `kubernetes_asyncio`, which knows contexts, merged files, exec plugins and OIDC. It is imported
only then: the import takes about a second and 65 MB, and a pod needs three files (docs/decisions/008).
No requests here, and no state: credentials are loaded again whenever `client` finds them old or refused.
"""

from __future__ import annotations

import math
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from sealos_gateway.kube import proxy as proxies

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
#: Token files are replaced long before they expire; a minute is what other clients take.
_FILES_SECONDS: Final = 60.0
#: A plugin's credentials are renewed this long before they expire, so that none expires on its way.
_EARLY_SECONDS: Final = 60.0
_LEAST_SECONDS: Final = 10.0


class ConfigError(Exception):
    """There is no usable configuration; the message says what is missing."""


class Stamp(NamedTuple):
    """Tells whether a file was replaced under the same name."""

    path: str
    modified: int
    size: int


@dataclass(frozen=True)
class Tls:
    """Files, because `ssl` takes client certificates in no other form. No `ca` means the system's own."""

    ca: Stamp | None = None
    certificate: Stamp | None = None
    key: Stamp | None = None
    verify: bool = True
    #: The name to find in the server's certificate, when it is not the one in the address.
    server_name: str | None = None

    def context(self) -> ssl.SSLContext:
        """Raises ConfigError."""
        try:
            return self._context()
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"the certificates cannot be used: {error}") from error

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca.path if self.ca else None)
        # From 3.13 on Python refuses authorities without key identifiers; many clusters have one, and Go takes them.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.certificate:
            context.load_cert_chain(self.certificate.path, self.key.path if self.key else None)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True)
class Config:
    """Where the server is and who we are. Equal values need no new connection."""

    server: str
    authorization: str = field(default="", repr=False)
    tls: Tls = Tls()
    proxy: str = field(default="", repr=False)  # may hold a password


class Loaded(NamedTuple):
    """A configuration and for how many seconds it is good without asking again."""

    config: Config
    fresh_seconds: float = math.inf


class Access(Protocol):
    """A way to the API server."""

    async def load(self) -> Loaded:
        """The configuration as it is now. Raises ConfigError."""


class InCluster:
    """The service account of the pod we run in."""

    def __init__(self, environ: Mapping[str, str] = os.environ, folder: Path = SERVICE_ACCOUNT) -> None:
        self._environ = environ
        self._folder = folder

    async def load(self) -> Loaded:
        host, port = (self._environ.get(f"KUBERNETES_SERVICE_{part}") for part in ("HOST", "PORT"))
        if not host or not port:
            raise ConfigError("this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set")
        server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        try:
            token = (self._folder / "token").read_text(encoding="utf-8").strip()
            tls = Tls(_stamp(self._folder / "ca.crt"))
        except OSError as error:
            raise ConfigError(f"{error.filename}: {error.strerror}; is a service account token mounted?") from error
        if not token:
            raise ConfigError(f"{self._folder / 'token'} is empty")
        config = Config(server, f"Bearer {token}", tls, proxies.proxy_for(server, self._environ))
        return Loaded(config, _FILES_SECONDS)


class KubeConfig:
    """One or more kubeconfig files; by default those kubectl would use."""

    def __init__(
        self, path: str | None = None, context: str | None = None, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._path = path
        self._context = context
        self._environ = environ

    async def load(self) -> Loaded:
        from kubernetes_asyncio import client, config  # noqa: PLC0415  (see the top of the file)

        path = self._path or self._environ.get("KUBECONFIG") or str(Path.home() / ".kube/config")
        found = client.Configuration()
        try:
            # A refreshed OIDC token is written back, as kubectl does: the old refresh token may be worthless after.
            loader = await config.load_kube_config(path, self._context, found, persist_config=True)
            return Loaded(self._config(found), _fresh_seconds(loader))
        except (ConfigError, OSError) as error:
            raise ConfigError(f"kubeconfig {path}: {error}") from error
        except Exception as error:  # the library raises whatever a damaged file makes it stumble over
            raise ConfigError(f"kubeconfig {path}: {type(error).__name__}: {error}") from error

    def _config(self, found: Any) -> Config:
        server = str(found.host).rstrip("/")
        if not server.startswith(("http://", "https://")):
            raise ConfigError(f"the server {server!r} has neither http:// nor https:// in front")
        proxy = found.proxy or proxies.proxy_for(server, self._environ)
        if proxy.startswith("socks"):
            raise ConfigError("SOCKS proxies are not supported; use an HTTP proxy")
        tls = Tls(
            _stamp(found.ssl_ca_cert),
            _stamp(found.cert_file),
            _stamp(found.key_file),
            bool(found.verify_ssl),
            found.tls_server_name or None,
        )
        token = str(found.api_key.get("BearerToken", ""))
        return Config(server, token.strip(), tls, proxy)


def _stamp(path: str | Path | None) -> Stamp | None:
    if path is None:
        return None
    status = os.stat(path)
    return Stamp(str(path), status.st_mtime_ns, status.st_size)


def _fresh_seconds(loader: Any) -> float:
    """Plugins run again only when what they gave expires (or is refused): they may ask a person."""
    expiry = getattr(loader, "exec_plugin_expiry", None)
    if isinstance(expiry, datetime):
        return max(_LEAST_SECONDS, (expiry - datetime.now(UTC)).total_seconds() - _EARLY_SECONDS)
    has_plugin = "exec" in (getattr(loader, "_user", None) or ())
    return math.inf if has_plugin else _FILES_SECONDS
