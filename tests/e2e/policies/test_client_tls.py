"""Certificates of clients, versions and ciphers of one host, beside a real nginx; and the ways around them."""

from __future__ import annotations

import datetime
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sealos_gateway.echo.server import EchoSettings
from tests import pem
from tests.e2e import manifests, processes, tls, wire
from tests.e2e.backends import Echo, echo
from tests.e2e.conftest import NewGateway, Site
from tests.e2e.harness import Gateway, eventually
from tests.e2e.nginx import Nginx
from tests.e2e.wire import Reply

NGINX = "nginx.ingress.kubernetes.io/"


@dataclass
class Authority:
    """A certificate with its key that signs others."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def signed(name: str, by: Authority | None = None, authority: bool = False) -> Authority:
    """A certificate for `CN=name,O=Shop`, signed by another one or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Shop"), x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]
    )
    made = (
        x509.CertificateBuilder(
            issuer_name=by.certificate.subject if by else subject, subject_name=subject, public_key=key.public_key()
        )
        .serial_number(x509.random_serial_number())
        .not_valid_before(pem.BEGIN)
        .not_valid_after(pem.BEGIN + datetime.timedelta(days=7300))
        .add_extension(x509.BasicConstraints(authority, None), True)
    )
    return Authority(made.sign(by.key if by else key, hashes.SHA256()), key)


CA, OTHER_CA = signed("ca", authority=True), signed("other", authority=True)
BETWEEN = signed("between", CA, authority=True)
BELOW = signed("below", BETWEEN, authority=True)


def client(folder: Path, *chain: Authority, **options: Any) -> ssl.SSLContext:
    """A client with this certificate and what stands above it; without any, one that has none."""
    made = tls.context(**options)
    if chain:
        key = chain[0].key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = folder / f"{chain[0].certificate.serial_number}.pem"
        file.write_bytes(key + b"".join(one.pem for one in chain))
        made.load_cert_chain(file)
    return made


async def ask(
    port: int, host: str, using: ssl.SSLContext, *lines: str, server_name: str = "", path: str = "/"
) -> Reply:
    """One request over TLS; the server name is the host unless said otherwise."""
    async with tls.line(port, server_name or host, using) as (connection, _):
        await connection.send(wire.request(path, host, *lines))
        return await connection.reply()


def secret(name: str, namespace: str, authority: Authority = CA) -> manifests.Object:
    metadata = manifests.meta(name, namespace)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "stringData": {"ca.crt": authority.pem.decode()},
    }


def named(namespace: str, **annotations: str) -> dict[str, str]:
    found = {NGINX + name.replace("_", "-"): text for name, text in annotations.items()}
    return {f"{NGINX}auth-tls-secret": f"{namespace}/ca", **found}


@pytest.fixture
def shop(site: Site, echo_a: Echo) -> Site:
    site.backend("web", echo_a.port)
    site.apply(secret("ca", site.namespace))
    return site


async def secured(site: Site, **annotations: str) -> int:
    tls.host(site, site.host, annotations=named(site.namespace, **annotations))
    await site.gateway.settled()
    await eventually(lambda: tls.serves(site.gateway, site.host))
    return site.gateway.https_port


def files(folder: Path, pair: pem.Pair) -> tuple[Path, Path]:
    """Certificate and key as files."""
    (folder / "cert.pem").write_bytes(pair.chain)
    (folder / "key.pem").write_bytes(pair.key)
    return folder / "cert.pem", folder / "key.pem"


def reference(folder: Path, server: pem.Pair, port: int, mode: str) -> str:
    """What ingress-nginx has in the server of a host with `auth-tls-secret`."""
    folder.chmod(0o755)
    (folder / "server.pem").write_bytes(server.chain + server.key)
    (folder / "ca.pem").write_bytes(CA.pem)
    return (
        f"listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;"
        f" ssl_client_certificate {folder}/ca.pem; ssl_verify_client {mode}; ssl_verify_depth 1;"
        " location / { add_header x-verify $ssl_client_verify always; add_header x-subject $ssl_client_s_dn always;"
        " try_files /none =204; }"
    )


@pytest.mark.parametrize("mode", ["on", "optional", "optional_no_ca", "off"])
async def test_as_nginx_answers(shop: Site, tmp_path: Path, mode: str) -> None:
    port = await secured(shop, auth_tls_verify_client=mode)
    theirs_port = processes.free_ports(1)[0]
    block = reference(tmp_path, pem.pair(shop.host), theirs_port, mode)
    good, foreign, itself = signed("joe", CA), signed("eve", OTHER_CA), signed("me")
    with Nginx(tmp_path, block):
        for chain in ((), (good,), (foreign, OTHER_CA), (itself,), (signed("deep", BETWEEN), BETWEEN)):
            using = client(tmp_path, *chain)
            ours = await ask(port, shop.host, using)
            theirs = await ask(theirs_port, shop.host, client(tmp_path, *chain))
            assert (ours.status if ours.status != 200 else 204) == theirs.status, chain
            if ours.status == 200 and mode != "off":
                seen = dict(json.loads(ours.body)["headers"])
                assert seen["ssl-client-verify"] == theirs.headers["x-verify"].partition(":")[0]
                assert seen.get("ssl-client-subject-dn", "") == theirs.headers.get("x-subject", "")


async def test_what_the_backend_reads(shop: Site, tmp_path: Path) -> None:
    port = await secured(shop, auth_tls_pass_certificate_to_upstream="true", auth_tls_verify_client="optional")
    joe = signed("joe", CA)
    lies = ("SSL-Client-Verify: SUCCESS", "ssl-client-subject-dn: CN=root", "ssl-client-issuer-dn: CN=ca",
            "ssl-client-cert: forged", "ssl_client_verify: SUCCESS")  # fmt: skip
    reply = await ask(port, shop.host, client(tmp_path, joe), *lies)
    seen = [pair for pair in json.loads(reply.body)["headers"] if "ssl" in pair[0]]
    found = dict(map(tuple, seen))
    assert len(seen) == len(found) == 4
    assert found["ssl-client-verify"] == "SUCCESS"
    assert found["ssl-client-subject-dn"] == "CN=joe,O=Shop"
    assert found["ssl-client-issuer-dn"] == "CN=ca,O=Shop"
    assert unquote(found["ssl-client-cert"]).strip() == joe.pem.decode().strip()
    reply = await ask(port, shop.host, client(tmp_path), *lies)
    assert [pair for pair in json.loads(reply.body)["headers"] if "ssl" in pair[0]] == [["ssl-client-verify", "NONE"]]


async def test_the_name_in_the_certificate(shop: Site, tmp_path: Path) -> None:
    port = await secured(shop, auth_tls_match_cn="CN=(joe|ann)-[0-9]+,")
    for name, status in (
        ("joe-1", 200),
        ("ann-22", 200),
        ("joe", 403),
        ("eve-1", 403),
        ("xCN=joe-1", 403),
        ("x,CN=joe-1", 403),
    ):
        assert (await ask(port, shop.host, client(tmp_path, signed(name, CA)))).status == status, name
    assert (await ask(port, shop.host, client(tmp_path))).status == 400


async def test_the_depth_of_a_chain(shop: Site, tmp_path: Path) -> None:
    port = await secured(shop, auth_tls_verify_depth="1")
    deep, deeper = (signed("a", BETWEEN), BETWEEN), (signed("b", BELOW), BELOW, BETWEEN)
    assert (await ask(port, shop.host, client(tmp_path, *deep))).status == 200
    assert (await ask(port, shop.host, client(tmp_path, *deeper))).status == 400


async def test_a_page_instead_of_an_error(shop: Site, tmp_path: Path) -> None:
    port = await secured(shop, auth_tls_error_page="https://help.test/cert?from=$host%20$request_uri")
    reply = await ask(port, shop.host, client(tmp_path), path="/a?b")
    assert (reply.status, reply.headers["location"]) == (302, f"https://help.test/cert?from={shop.host}%20/a?b")


@pytest.fixture
def two(new_gateway: NewGateway, echo_a: Echo) -> Gateway:
    """Two hosts with authorities of their own and one without, all cold; plain HTTP is not redirected."""
    one_certificate = pem.pair("a.two.test", "b.two.test", "open.two.test")
    entry = {"secretName": "cert", "hosts": ["a.two.test", "b.two.test", "open.two.test"]}
    ask_for = {f"{NGINX}ssl-redirect": "false"}
    paths = [manifests.path("/", "web:80"), manifests.path("/deep", "web:80", "Exact")]
    return new_gateway(
        manifests.service("web", "shop"),
        manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo_a.port}),
        manifests.tls_secret("cert", "shop", *one_certificate),
        secret("ca", "shop"), secret("other", "shop", OTHER_CA),
        manifests.ingress("a", "shop", {"a.two.test": paths}, tls=[entry], annotations={**named("shop"), **ask_for}),
        manifests.ingress("b", "shop", {"b.two.test": paths}, tls=[entry], annotations={
            **ask_for, f"{NGINX}auth-tls-secret": "shop/other"}),
        manifests.ingress("open", "shop", {"open.two.test": paths}, tls=[entry], annotations=ask_for),
        settings={"lazy": {"threshold": 0}},
    ).start()  # fmt: skip


async def test_there_is_no_way_around_a_certificate(two: Gateway, tmp_path: Path) -> None:
    """By another server name, with the certificate of another host, over plain HTTP, with capitals, with a path."""
    port, joe, eve, none = two.https_port, signed("joe", CA), signed("eve", OTHER_CA), client(tmp_path)
    await eventually(lambda: tls.serves(two, "open.two.test"))
    assert (await ask(port, "a.two.test", client(tmp_path, joe))).status == 200
    assert (await ask(port, "b.two.test", client(tmp_path, eve))).status == 200
    assert (await ask(port, "open.two.test", none)).status == 200
    for path in ("/", "/deep", "/deep/../x", "//"):
        for host in ("a.two.test", "A.two.TEST", "a.two.test:443", "a.two.test."):
            assert (await ask(port, host, none, server_name="a.two.test", path=path)).status == 400, (host, path)
            assert (await ask(port, host, none, server_name="open.two.test", path=path)).status == 421, (host, path)
            using = client(tmp_path, eve)
            assert (await ask(port, host, using, server_name="b.two.test", path=path)).status == 421, (host, path)
            assert (await ask(port, host, using, server_name="a.two.test", path=path)).status == 400, (host, path)
            lies = ("X-Forwarded-Proto: https", "ssl-client-verify: SUCCESS")
            assert (await wire.exchange(two.http_port, wire.request(path, host, *lies))).status == 400, (host, path)
    # Its own certificate is good for its own host only.
    assert (await ask(port, "open.two.test", client(tmp_path, joe), server_name="a.two.test")).status == 200
    assert (await ask(port, "b.two.test", client(tmp_path, joe), server_name="a.two.test")).status == 421


async def test_a_changed_authority_counts(shop: Site, tmp_path: Path) -> None:
    port = await secured(shop)
    joe, eve = client(tmp_path, signed("joe", CA)), client(tmp_path, signed("eve", OTHER_CA))
    assert [(await ask(port, shop.host, joe)).status, (await ask(port, shop.host, eve)).status] == [200, 400]
    shop.apply(secret("ca", shop.namespace, OTHER_CA))

    async def changed() -> bool:
        return [(await ask(port, shop.host, joe)).status, (await ask(port, shop.host, eve)).status] == [400, 200]

    await eventually(changed)


async def test_without_an_authority_the_host_is_closed(shop: Site, tmp_path: Path) -> None:
    shop.apply({**secret("ca", shop.namespace), "stringData": {"ca.crt": "nonsense"}})
    tls.host(shop, shop.host, annotations=named(shop.namespace))
    tls.host(shop, f"b.{shop.host}", annotations={f"{NGINX}ssl-redirect": "false"})
    await shop.gateway.settled()
    assert (await ask(shop.gateway.https_port, shop.host, client(tmp_path))).status == 503
    assert (await ask(shop.gateway.https_port, f"b.{shop.host}", client(tmp_path))).status == 200


async def test_versions_and_ciphers_of_one_host(shop: Site, tmp_path: Path) -> None:
    old, new, strict = f"old.{shop.host}", f"new.{shop.host}", f"strict.{shop.host}"
    cipher = "ECDHE-ECDSA-AES128-SHA"
    tls.host(
        shop,
        old,
        annotations={
            "higress.io/tls-min-protocol-version": "TLSv1.2",
            "higress.io/tls-max-protocol-version": "TLSv1.2",
        },
    )
    tls.host(shop, new, annotations={f"{NGINX}tls-min-protocol-version": "TLSv1.3", f"{NGINX}ssl-redirect": "false"})
    tls.host(shop, strict, annotations={f"{NGINX}ssl-ciphers": f"{cipher}:HIGH:!aNULL"})
    await shop.gateway.settled()
    port = shop.gateway.https_port
    await eventually(lambda: tls.serves(shop.gateway, old))
    assert (await tls.hello(port, old)).version == "TLSv1.2"
    assert await tls.is_refused(port, new, tls.context(highest=tls.Version.TLSv1_2))
    assert (await tls.hello(port, new)).version == "TLSv1.3"
    two = tls.Version.TLSv1_2
    assert await tls.is_refused(port, strict, tls.context(highest=two, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"))
    assert (await ask(port, strict, tls.context(highest=two, ciphers=f"{cipher}:@SECLEVEL=0"))).status == 200
    assert (await ask(port, new, client(tmp_path), server_name=old)).status == 421
    assert (await shop.get(host=new)).status_code == 200, "plain HTTP has no version"


async def test_tls_that_is_not_read(two: Gateway, tmp_path: Path) -> None:
    """The backend's own certificate is seen, plain HTTP is served, and no other connection reaches the host."""
    certificate, key = files(tmp_path, pem.pair("unread.test", number=77))
    async with echo(EchoSettings(name="unread", tls_cert=certificate, tls_key=key)) as backend:
        two.apply(
            manifests.service("unread", "shop", manifests.port(443, "https", "https"), manifests.port(80, "http")),
            manifests.endpoint_slice("unread", "shop", ["127.0.0.1"], {"https": backend.port}),
            manifests.ingress("unread", "shop", {"unread.test": "unread:443"}, annotations={
                f"{NGINX}ssl-passthrough": "true"}),
        )  # fmt: skip

        await eventually(lambda: tls.serves(two, "unread.test", serial=78))
        reply = await ask(two.https_port, "unread.test", client(tmp_path))
        assert (reply.status, json.loads(reply.body)["name"]) == (200, "unread")
        assert json.loads(reply.body)["scheme"] == "https"
        assert (await ask(two.https_port, "unread.test", client(tmp_path), server_name="open.two.test")).status == 421
        assert (await wire.exchange(two.http_port, wire.request("/", "unread.test"))).status == 200
