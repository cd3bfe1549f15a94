"""A TLS client that says what it was shown, and the Ingresses and Secrets that make a host answer over TLS."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from tests import pem
from tests.e2e import manifests
from tests.e2e.conftest import Site
from tests.e2e.wire import Wire, request

LOOPBACK = "127.0.0.1"
SECONDS = 5.0
#: Envoy gives up on a certificate after 15 s; a refusal must not have waited for that.
AT_ONCE = 2.0
Version = ssl.TLSVersion


class Hello(NamedTuple):
    """What a handshake ended with."""

    names: tuple[str, ...]
    serial: int
    algorithm: str
    version: str
    alpn: str


class RefusedError(Exception):
    """The server ended the handshake; `seconds` is how long it took."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"refused after {seconds:.2f} s")
        self.seconds = seconds


def context(
    *, lowest: Version = Version.TLSv1_2, highest: Version = Version.TLSv1_3, ciphers: str = "", alpn: str = ""
) -> ssl.SSLContext:
    """A client that trusts everybody; `ciphers` are those of TLS 1.2."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    made.minimum_version, made.maximum_version = lowest, highest
    if ciphers:
        made.set_ciphers(ciphers)
    if alpn:
        made.set_alpn_protocols(alpn.split())
    return made


@asynccontextmanager
async def line(port: int, name: str, using: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Wire, Hello]]:
    """A connection with this server name ("" sends none). Raises RefusedError."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(SECONDS):
            opened = await asyncio.open_connection(LOOPBACK, port, ssl=using or context(), server_hostname=name)
    except (ConnectionError, ssl.SSLError) as error:
        raise RefusedError(time.monotonic() - began) from error
    try:
        yield Wire(*opened), shown(opened[1].get_extra_info("ssl_object"))
    finally:
        opened[1].transport.abort()


def shown(tls: Any) -> Hello:
    leaf = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    algorithm = "rsa" if isinstance(leaf.public_key(), rsa.RSAPublicKey) else "ecdsa"
    found = tuple(names.get_values_for_type(x509.DNSName))
    return Hello(found, leaf.serial_number, algorithm, tls.version(), tls.selected_alpn_protocol() or "")


async def hello(port: int, name: str, using: ssl.SSLContext | None = None) -> Hello:
    """What one handshake shows. Raises RefusedError."""
    async with line(port, name, using) as (_, found):
        return found


async def is_refused(port: int, name: str, using: ssl.SSLContext | None = None) -> bool:
    """Whether the handshake is refused at once; a slow refusal fails."""
    try:
        await hello(port, name, using)
    except RefusedError as error:
        took = error.seconds
    else:
        return False
    assert took < AT_ONCE, f"refused, but only after {took:.1f} s"
    return True


async def alert(port: int, name: str, using: ssl.SSLContext) -> str:
    """The TLS alert that a handshake is refused with; "" when it is not refused."""
    try:
        await hello(port, name, using)
    except RefusedError as error:
        return str(getattr(error.__cause__, "reason", error.__cause__))
    return ""


async def status(connection: Wire, host: str, path: str = "/") -> int:
    """One more request on an open connection."""
    await connection.send(request(path, host))
    return (await connection.reply()).status


_PROBE = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.minimum_version = context.maximum_version = ssl.TLSVersion[sys.argv[3]]
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5) as plain:
    with context.wrap_socket(plain, server_hostname=sys.argv[2]) as found:
        sys.stdout.write(ssl.DER_cert_to_PEM_cert(found.getpeercert(True)))
"""


async def algorithm_for(port: int, name: str, version: Version, signatures: str, folder: Path) -> str:
    """The kind of key shown to a client that can check only these signatures; "" when it is refused.

    Python has no call for signature algorithms; OpenSSL takes them from its configuration file, once per process.
    """
    config = folder / "openssl.cnf"
    config.write_text(
        "openssl_conf = init\n[init]\nssl_conf = modules\n[modules]\nsystem_default = defaults\n"
        f"[defaults]\nSignatureAlgorithms = {signatures}\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROBE, str(port), name, version.name,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "OPENSSL_CONF": str(config)},
    )  # fmt: skip
    text, _ = await process.communicate()
    if process.returncode:
        return ""
    key = x509.load_pem_x509_certificate(text).public_key()
    return "rsa" if isinstance(key, rsa.RSAPublicKey) else "ecdsa"


def entry(secret: str, *hosts: str) -> manifests.Object:
    """One entry of `spec.tls`."""
    return {"secretName": secret, "hosts": list(hosts)}


def secret(site: Site, name: str, *hosts: str, kind: str = "ecdsa", number: int = 0) -> pem.Pair:
    """A Secret with a certificate for these names; another number is another certificate."""
    made = pem.pair(*hosts, kind=kind, number=number)
    site.apply(manifests.tls_secret(name, site.namespace, made.chain, made.key))
    return made


def host(site: Site, name: str, number: int = 0, **options: Any) -> None:
    """An Ingress for a host, with a certificate of its own; needs the Service `web`."""
    label = name.replace("*", "any").replace(".", "-")
    secret(site, label, name, number=number)
    site.ingress(name=label, host=name, tls=[entry(label, name)], **options)


async def serves(gateway: Any, name: str, *, serial: int | None = None, algorithm: str | None = None) -> None:
    """Fails unless a handshake with this name shows this certificate (for use with `eventually`)."""
    try:
        found = await hello(gateway.https_port, name)
    except RefusedError as error:
        raise AssertionError(f"{name}: {error}") from error
    assert serial in (None, found.serial), found
    assert algorithm in (None, found.algorithm), found
