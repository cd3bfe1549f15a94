"""The control plane's authority in a Secret, and its certificate in a ConfigMap for nodes to mount.

Replicas that start at once race for the Secret: `create` lets one win, and the others read what it made.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Final

import msgspec

from sealos_gateway.kube import client, wire
from sealos_gateway.kube.client import Client
from sealos_gateway.kube.errors import ApiError, ConflictError, NotFoundError
from sealos_gateway.trust.authority import Authority, Credentials
from sealos_gateway.trust.identity import TrustError

_CERTIFICATE, _KEY, _BUNDLE = "tls.crt", "tls.key", "ca.crt"
_LABELS: Final = {"app.kubernetes.io/managed-by": "sealos-gateway"}


class _Metadata(msgspec.Struct, rename="camel", omit_defaults=True):
    name: str
    namespace: str
    resource_version: str = ""
    labels: dict[str, str] | None = None


class _Data(msgspec.Struct, rename="camel", omit_defaults=True):
    metadata: _Metadata
    api_version: str = "v1"
    kind: str = ""
    type: str = ""
    data: dict[str, str] | None = None


_DATA = msgspec.json.Decoder(_Data)


class SecretKeeper:
    """Secret and ConfigMap `name` in `namespace`."""

    def __init__(self, api: Client, namespace: str, name: str) -> None:
        self._api, self._namespace, self._name = api, namespace, name

    async def authority(self, make: Callable[[], Credentials]) -> Authority:
        """The kept one, or a new one that is kept from now on. Raises TrustError."""
        try:
            kept = await self._kept() or await self._create(make())
            found = Authority(*(b64decode(kept.get(name, ""), validate=True) for name in (_CERTIFICATE, _KEY)))
            await self._publish(found.bundle.decode())
        except ApiError as error:
            place = f"{self._namespace}/{self._name}"
            raise TrustError(f"the authority cannot be kept in Secret and ConfigMap {place}: {error}") from error
        except (Base64Error, UnicodeDecodeError) as error:
            raise TrustError(f"Secret {self._namespace}/{self._name} is damaged: {error}") from error
        return found

    async def _kept(self) -> dict[str, str]:
        try:
            found: _Data = wire.decode(_DATA, await self._api.request("GET", self._path("secrets", self._name)))
        except NotFoundError:
            return {}
        return found.data or {}

    async def _create(self, made: Credentials) -> dict[str, str]:
        data = {_CERTIFICATE: made.certificate, _KEY: bytes(made.key)}
        encoded = {name: b64encode(value).decode() for name, value in data.items()}
        secret = _Data(self._metadata(), kind="Secret", type="kubernetes.io/tls", data=encoded)
        try:
            await self._api.request("POST", self._path("secrets"), body=msgspec.json.encode(secret))
        except ConflictError:
            return await self._kept()
        return encoded

    async def _publish(self, bundle: str) -> None:
        """Nodes trust what stands there."""
        wanted = _Data(self._metadata(), kind="ConfigMap", data={_BUNDLE: bundle})
        try:
            answer = await self._api.request("GET", self._path("configmaps", self._name))
        except NotFoundError:
            await self._api.request("POST", self._path("configmaps"), body=msgspec.json.encode(wanted))
            return
        found: _Data = wire.decode(_DATA, answer)
        if (found.data or {}).get(_BUNDLE) != bundle:
            wanted.metadata.resource_version = found.metadata.resource_version
            await self._api.request("PUT", self._path("configmaps", self._name), body=msgspec.json.encode(wanted))

    def _path(self, plural: str, name: str = "") -> str:
        return client.path("v1", plural, self._namespace, name)

    def _metadata(self) -> _Metadata:
        return _Metadata(self._name, self._namespace, labels=_LABELS)
