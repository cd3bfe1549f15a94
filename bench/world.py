"""Manifests of N hosts, always the same for the same N: an Ingress, a Service and an EndpointSlice per host.

Objects look as `kubectl get -o json` prints them (labels, annotations, uid, conditions), so that decoding costs what it
costs in a cluster. One host in ten has TLS; those share a namespace and a Secret and do not redirect, so that every
host answers plain HTTP. Files are JSON Lists of a thousand hosts.
"""

import base64
import datetime
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOSTS_PER_FILE = 1000
NAMESPACES = 500
TLS_EVERY = 10
DOMAIN = "apps.example.com"
SECRET = "wildcard"
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Upstream:
    """Where a host's endpoint is, and how it is spoken to (`appProtocol`)."""

    port: int
    protocol: str | None = None


def host(name: str) -> str:
    """The host of an application."""
    return f"{name}.{DOMAIN}"


def member(number: int) -> str:
    """The name of the number-th application of a world."""
    return f"app-{number:06d}"


def build(folder: Path, hosts: int, upstream: Upstream) -> None:
    """Write a world of so many hosts."""
    folder.mkdir()
    write(folder / "common.json", common())
    for first in range(0, hosts, HOSTS_PER_FILE):
        numbers = range(first, min(first + HOSTS_PER_FILE, hosts))
        objects = (each for number in numbers for each in _numbered(number, upstream))
        write(folder / f"apps-{first:06d}.json", objects)


def common() -> list[Manifest]:
    """What all share: the class and the certificate."""
    ingress_class = _object("networking.k8s.io/v1", "IngressClass", "", "sealos")
    ingress_class["spec"] = {"controller": "sealos.io/gateway-controller"}
    return [ingress_class, _secret()]


def write(path: Path, objects: Iterable[Manifest]) -> None:
    """Write a List so that no reader ever sees half of it: the file appears, or changes, by one rename."""
    hidden = path.with_name(f".{path.name}")
    hidden.write_bytes(msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": list(objects)}))
    os.replace(hidden, path)


def _numbered(number: int, upstream: Upstream) -> Iterator[Manifest]:
    tls = number % TLS_EVERY == 0
    namespace = "shared-tls" if tls else f"ns-{number % NAMESPACES:03d}"
    yield from application(member(number), upstream, namespace, tls)


def application(name: str, upstream: Upstream, namespace: str = "bench", tls: bool = False) -> Iterator[Manifest]:
    """All objects of one host."""
    yield ingress(name, name, namespace, tls)
    yield from service(name, upstream, namespace)


def ingress(name: str, backend: str, namespace: str = "bench", tls: bool = False) -> Manifest:
    """An Ingress whose host leads to a Service."""
    found = _object("networking.k8s.io/v1", "Ingress", namespace, name)
    to_service = {"service": {"name": backend, "port": {"number": 80}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": to_service}]
    found["spec"] = {"ingressClassName": "sealos", "rules": [{"host": host(name), "http": {"paths": paths}}]}
    if tls:
        found["metadata"]["annotations"]["sealos.io/ssl-redirect"] = "false"
        found["spec"]["tls"] = [{"hosts": [host(name)], "secretName": SECRET}]
    return found


def service(name: str, upstream: Upstream, namespace: str = "bench") -> Iterator[Manifest]:
    """A Service with one endpoint on loopback, and its slice."""
    port: dict[str, Any] = {"name": "http", "port": 80, "protocol": "TCP", "targetPort": upstream.port}
    if upstream.protocol:
        port["appProtocol"] = upstream.protocol
    found = _object("v1", "Service", namespace, name)
    found["spec"] = {"type": "ClusterIP", "selector": {"app": name}, "ports": [port]}
    yield found
    yield endpoint_slice(name, upstream.port, [endpoint("127.0.0.1")], namespace)


def endpoint(address: str, terminating: bool = False) -> Manifest:
    """An endpoint of a slice, ready unless it is terminating; it serves in either case."""
    conditions = {"ready": not terminating, "serving": True, "terminating": terminating}
    return {"addresses": [address], "conditions": conditions, "nodeName": "node-1"}


def endpoint_slice(name: str, port: int, endpoints: list[Manifest], namespace: str = "bench") -> Manifest:
    """The one slice of a Service."""
    piece = _object("discovery.k8s.io/v1", "EndpointSlice", namespace, f"{name}-x7k2p")
    piece["metadata"]["labels"]["kubernetes.io/service-name"] = name
    piece["addressType"] = "IPv4"
    piece["ports"] = [{"name": "http", "port": port, "protocol": "TCP"}]
    piece["endpoints"] = endpoints
    return piece


def _object(api_version: str, kind: str, namespace: str, name: str) -> Manifest:
    digest = hashlib.blake2b(f"{kind}/{namespace}/{name}".encode(), digest_size=16).hexdigest()
    metadata: Manifest = {
        "name": name,
        "uid": f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}",
        "resourceVersion": str(int(digest[:7], 16)),
        "creationTimestamp": "2025-01-02T03:04:05Z",
        "labels": {"app": name, "app.kubernetes.io/managed-by": "bench"},
        "annotations": {"example.com/owner": f"team-{digest[:4]}"},
    }
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _secret() -> Manifest:
    certificate, key = _key_pair()
    found = _object("v1", "Secret", "shared-tls", SECRET)
    data = {"tls.crt": certificate, "tls.key": key}
    found |= {"type": "kubernetes.io/tls", "data": {k: base64.b64encode(v).decode() for k, v in data.items()}}
    return found


def _key_pair() -> tuple[bytes, bytes]:
    """A self-signed wildcard certificate; the only thing here that differs from run to run."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"*.{DOMAIN}")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=7))
    names = x509.SubjectAlternativeName([x509.DNSName(f"*.{DOMAIN}")])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), secret
