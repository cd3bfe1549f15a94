"""The webhook's certificate: made by us, kept in a Secret that replicas share, told to the API server.

There is no authority: one self-signed certificate, which the API server is told to trust (`caBundle`), vouches for
itself and for nothing else. It is renewed after two thirds of its life. The one before it stays in the bundle until
the next renewal, so that replicas which have not read the Secret again are trusted meanwhile: no handshake fails.

The Secret and the webhook's configuration are made by the chart; here they are only filled in.
"""

from __future__ import annotations

import logging
import ssl
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sealos_gateway.clock import Clock
from sealos_gateway.kube import client
from sealos_gateway.kube.client import Client
from sealos_gateway.kube.errors import ConflictError
from sealos_gateway.model.private import Private

log = logging.getLogger(__name__)

LIFE: Final = timedelta(days=90)
_SKEW: Final = timedelta(minutes=5)
_MERGE: Final = "application/merge-patch+json"
_CERTIFICATE, _KEY, _BEFORE = "tls.crt", "tls.key", "previous.crt"
_ADMISSION: Final = "admissionregistration.k8s.io/v1"


class Pair(NamedTuple):
    """A certificate and its key (PEM), and the bundle that the API server is to trust."""

    certificate: bytes
    key: Private
    bundle: bytes
    not_after: datetime


class Place(NamedTuple):
    """Where the certificate is kept, for which DNS name it is, and whose configuration names it."""

    namespace: str
    secret: str
    server_name: str
    configuration: str


class _Metadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""


class _Secret(msgspec.Struct):
    metadata: _Metadata
    data: dict[str, str] | None = None


class _Configuration(msgspec.Struct):
    webhooks: list[dict[str, Any]] = []


_SECRETS = msgspec.json.Decoder(_Secret)
_CONFIGURATIONS = msgspec.json.Decoder(_Configuration)


class Keeper:
    """The certificate as it is kept; made anew when it is missing, damaged, for another name, or old."""

    def __init__(self, api: Client, clock: Clock, place: Place) -> None:
        self._api, self._clock, self._place = api, clock, place

    async def pair(self) -> Pair:
        """The one to use now; the API server trusts it already. Raises ApiError."""
        kept = await self._kept()
        if kept is None:
            try:
                await self._renew()
            except ConflictError:
                log.info("another replica has renewed the certificate of the webhook")
            kept = await self._kept()
            if kept is None:
                raise ConflictError("the certificate that was just made is not usable; is somebody else writing it?")
        await self._publish(kept.bundle)
        return kept

    async def _kept(self) -> Pair | None:
        secret = await self._secret()
        try:
            data = {name: b64decode(value, validate=True) for name, value in (secret.data or {}).items()}
            found = x509.load_pem_x509_certificate(data[_CERTIFICATE])
            key = serialization.load_pem_private_key(data[_KEY], None)
            names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (KeyError, ValueError, Base64Error, x509.ExtensionNotFound):
            return None
        fits = key.public_key() == found.public_key()
        fits = fits and self._place.server_name in names.get_values_for_type(x509.DNSName)
        begin, end = found.not_valid_before_utc, found.not_valid_after_utc
        if not fits or self._clock.now() > begin + (end - begin) * 2 / 3:
            return None
        bundle = data[_CERTIFICATE] + data.get(_BEFORE, b"")
        return Pair(data[_CERTIFICATE], Private(data[_KEY]), bundle, end)

    async def _secret(self) -> _Secret:
        place = client.path("v1", "secrets", self._place.namespace, self._place.secret)
        return _SECRETS.decode(await self._api.request("GET", place))

    async def _renew(self) -> None:
        """Replace what is kept, if nobody else did. Raises ConflictError."""
        secret = await self._secret()
        certificate, key = made(self._place.server_name, self._clock.now())
        data = {_CERTIFICATE: b64encode(certificate).decode(), _KEY: b64encode(key).decode()}
        data[_BEFORE] = (secret.data or {}).get(_CERTIFICATE, "")
        change = {"metadata": {"resourceVersion": secret.metadata.resource_version}, "data": data}
        place = client.path("v1", "secrets", self._place.namespace, self._place.secret)
        await self._api.request("PATCH", place, body=msgspec.json.encode(change), content_type=_MERGE)
        log.info("a new certificate for %s is kept in Secret %s", self._place.server_name, self._place.secret)

    async def _publish(self, bundle: bytes) -> None:
        """Make the API server trust it, where it does not yet."""
        place = client.path(_ADMISSION, "mutatingwebhookconfigurations", name=self._place.configuration)
        found = _CONFIGURATIONS.decode(await self._api.request("GET", place))
        encoded = b64encode(bundle).decode()
        if all(hook["clientConfig"].get("caBundle") == encoded for hook in found.webhooks):
            return
        # The names are tested, and nothing else of the object: replicas that write the same do not disturb each other.
        change = [
            operation
            for number, hook in enumerate(found.webhooks)
            for operation in (
                {"op": "test", "path": f"/webhooks/{number}/name", "value": hook["name"]},
                {"op": "add", "path": f"/webhooks/{number}/clientConfig/caBundle", "value": encoded},
            )
        ]
        body = msgspec.json.encode(change)
        await self._api.request("PATCH", place, body=body, content_type="application/json-patch+json")
        log.info("the API server knows the certificate of the webhook now")


class Folder:
    """A certificate that somebody else keeps: tls.crt and tls.key of a mounted Secret.

    Whoever keeps it also tells the API server (`caBundle`).
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def pair(self) -> Pair:
        """As it is now. Raises OSError, or ssl.SSLError where it is no certificate."""
        certificate, key = (self._path / _CERTIFICATE).read_bytes(), (self._path / _KEY).read_bytes()
        try:
            not_after = x509.load_pem_x509_certificate(certificate).not_valid_after_utc
        except ValueError as error:
            raise ssl.SSLError(f"{self._path / _CERTIFICATE}: {error}") from error
        return Pair(certificate, Private(key), b"", not_after)


def made(server_name: str, now: datetime) -> tuple[bytes, bytes]:
    """A self-signed certificate for one DNS name, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sealos-gateway webhook")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - _SKEW).not_valid_after(now + LIFE)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(server_name)]), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    signed = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return signed.public_bytes(serialization.Encoding.PEM), private
