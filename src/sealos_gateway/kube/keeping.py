"""The control plane's authority in a Secret, and its certificate in a ConfigMap for nodes to mount.

Replicas that start at once race for the Secret: one wins, and the others read what it made. Where somebody has made
Secret and ConfigMap already, empty, as the chart does, they are filled in and keep all else they have: so they go with
whatever they belong to, and no right to create any is needed.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Any, Final

import msgspec

from sealos_gateway.kube import client, wire
from sealos_gateway.kube.client import Client
from sealos_gateway.kube.errors import ApiError, ConflictError, NotFoundError
from sealos_gateway.trust.authority import Authority
from sealos_gateway.trust.credentials import Credentials
from sealos_gateway.trust.identity import TrustError

_CERTIFICATE, _KEY, _BUNDLE = "tls.crt", "tls.key", "ca.crt"
_LABELS: Final = {"app.kubernetes.io/managed-by": "sealos-gateway"}
_OBJECTS: Final = msgspec.json.Decoder(dict[str, Any])


Object = dict[str, Any]


class SecretKeeper:
    """Secret and ConfigMap `name` in `namespace`."""

    def __init__(self, api: Client, namespace: str, name: str) -> None:
        self._api, self._namespace, self._name = api, namespace, name

    async def authority(self, make: Callable[[], Credentials]) -> Authority:
        """The kept one, or a new one that is kept from now on. Raises TrustError."""
        try:
            kept = await self._kept(make)
            found = Authority(*(b64decode(kept.get(name, ""), validate=True) for name in (_CERTIFICATE, _KEY)))
            await self._publish(found.bundle.decode())
        except ApiError as error:
            place = f"{self._namespace}/{self._name}"
            raise TrustError(f"the authority cannot be kept in Secret and ConfigMap {place}: {error}") from error
        except (Base64Error, UnicodeDecodeError) as error:
            raise TrustError(f"Secret {self._namespace}/{self._name} is damaged: {error}") from error
        return found

    async def _kept(self, make: Callable[[], Credentials]) -> dict[str, str]:
        found = await self._read("secrets")
        if found and found.get("data"):
            return dict(found["data"])
        made = make()
        data = {_CERTIFICATE: made.certificate, _KEY: bytes(made.key)}
        encoded = {name: b64encode(value).decode() for name, value in data.items()}
        try:
            await self._write("secrets", found, {"kind": "Secret", "type": "kubernetes.io/tls"}, encoded)
        except ConflictError:
            return dict((await self._read("secrets") or {}).get("data") or {})
        return encoded

    async def _publish(self, bundle: str) -> None:
        """Nodes trust what stands there."""
        found = await self._read("configmaps")
        if found is None or (found.get("data") or {}).get(_BUNDLE) != bundle:
            await self._write("configmaps", found, {"kind": "ConfigMap"}, {_BUNDLE: bundle})

    async def _read(self, plural: str) -> Object | None:
        try:
            answer = await self._api.request("GET", self._path(plural, self._name))
        except NotFoundError:
            return None
        found: Object = wire.decode(_OBJECTS, answer)
        return found

    async def _write(self, plural: str, found: Object | None, kind: Object, data: dict[str, str]) -> None:
        """Fill in what was found, or make one. Raises ConflictError when another was faster."""
        if found is not None:
            whole = {"apiVersion": "v1", "kind": kind["kind"], **found, "data": data}
            await self._api.request("PUT", self._path(plural, self._name), body=msgspec.json.encode(whole))
            return
        metadata = {"name": self._name, "namespace": self._namespace, "labels": _LABELS}
        whole = {"apiVersion": "v1", **kind, "metadata": metadata, "data": data}
        await self._api.request("POST", self._path(plural), body=msgspec.json.encode(whole))

    def _path(self, plural: str, name: str = "") -> str:
        return client.path("v1", plural, self._namespace, name)
