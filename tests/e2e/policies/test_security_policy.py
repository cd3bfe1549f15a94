"""Each family of a SecurityPolicy through a real Envoy, and that what cannot be honoured is closed, alone."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization

from tests import pem
from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.harness import eventually
from tests.e2e.policies import own
from tests.e2e.policies.auth_service import auth_service
from tests.e2e.policies.test_basic_auth import credentials, sha, users
from tests.e2e.policies.test_client_tls import CA, OTHER_CA, Authority, signed

EVERYBODY, NOBODY = {"allow": ["127.0.0.0/8"]}, {"allow": ["192.0.2.0/24"]}


async def status(site: Site, path: str = "/", **headers: str) -> int:
    return (await site.get(path, headers=headers)).status_code


async def test_addresses(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    own.routed(site, own.rule(name="in"), own.rule("/out", name="out"), own.rule("/denied", name="denied"))
    own.policy(site, "SecurityPolicy", "HTTPRoute web in", ipRestriction=EVERYBODY)
    own.policy(site, "SecurityPolicy", "HTTPRoute web out", ipRestriction=NOBODY)
    own.policy(site, "SecurityPolicy", "HTTPRoute web denied", ipRestriction={"deny": ["127.0.0.1"]})
    await site.gateway.settled()
    assert [await status(site, path) for path in ("/", "/out", "/denied")] == [200, 403, 403]


async def test_passwords_and_one_check_of_several(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    site.apply(users(site.namespace, f"ann:{sha('secret')}\n"))
    own.routed(site, own.rule(name="both"), own.rule("/any", name="any"))
    basic = {"secretRef": {"name": "users"}, "realm": "shop"}
    own.policy(site, "SecurityPolicy", "HTTPRoute web both", basicAuth=basic)
    own.policy(site, "SecurityPolicy", "HTTPRoute web any", basicAuth=basic, ipRestriction=EVERYBODY, satisfy="Any")
    await site.gateway.settled()
    reply = await site.get("/")
    assert (reply.status_code, reply.headers["www-authenticate"]) == (401, 'Basic realm="shop"')
    assert await status(site, "/", **credentials("ann", "secret")) == 200
    assert await status(site, "/", **credentials("ann", "wrong")) == 401
    assert await status(site, "/any") == 200


async def test_another_service_decides(site: Site, echo_a: Echo) -> None:
    async with auth_service() as service:
        site.backend("web", echo_a.port)
        site.backend("auth", service.port)
        own.routed(site, own.rule(name="ref"), own.rule("/url", name="url"))
        own.policy(
            site, "SecurityPolicy", "HTTPRoute web ref",
            externalAuth={
                "backendRef": {"name": "auth", "port": 80},
                "path": "/verify?status=$arg_say&header=x-user:ann",
                "headersToBackend": ["X-User"],
                "requestHeaders": [{"name": "X-Asked", "template": "$request_method $host"}],
            },
        )  # fmt: skip
        own.policy(
            site, "SecurityPolicy", "HTTPRoute web url",
            externalAuth={
                "url": f"http://auth.{site.namespace}.svc.cluster.local/verify?status=401",
                "signInURL": "https://login.test/", "signInRedirectParam": "back",
            },
        )  # fmt: skip
        await site.gateway.settled()
        answer = await site.answer("/?say=200", headers={"X-User": "forged"})
        assert [value for name, value in answer["headers"] if name == "x-user"] == ["ann"]
        assert service.seen[-1].values("x-asked") == [f"GET {site.host}"]
        assert await status(site, "/?say=403") == 403
        reply = await site.get("/url/a")
        assert reply.status_code == 302
        assert reply.headers["location"].startswith("https://login.test/?back=http")


async def test_a_route_may_ask_for_something_else_than_its_gateway(site: Site, echo_a: Echo) -> None:
    """A field that a route says replaces that of the Gateway; the others of the Gateway hold."""
    site.backend("web", echo_a.port)
    own.routed(site, own.rule(name="one"), own.rule("/open", name="open"))
    own.policy(site, "SecurityPolicy", "Gateway gw", ipRestriction=NOBODY)
    await site.gateway.settled()
    assert [await status(site, "/"), await status(site, "/open")] == [403, 403]
    own.policy(site, "SecurityPolicy", "HTTPRoute web open", ipRestriction=EVERYBODY)
    await site.gateway.settled()
    assert [await status(site, "/"), await status(site, "/open")] == [403, 200]


async def test_what_cannot_be_honoured_is_closed_alone_until_it_can(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    own.routed(site, own.rule(name="closed"), own.rule("/fine", name="fine"))
    own.policy(site, "SecurityPolicy", "HTTPRoute web closed", basicAuth={"secretRef": {"name": "users"}})
    own.policy(site, "SecurityPolicy", "HTTPRoute web fine", ipRestriction=EVERYBODY)
    await site.gateway.settled()
    assert [await status(site, "/"), await status(site, "/fine")] == [503, 200]
    assert [it for it in site.gateway.problems() if f"SecurityPolicy {site.namespace}/httproute-web-closed" in it]
    site.apply(users(site.namespace, f"ann:{sha('secret')}\n"))

    async def asks() -> bool:
        return await status(site, "/") == 401

    await eventually(asks)
    assert await status(site, "/", **credentials("ann", "secret")) == 200


async def test_a_misspelt_or_unreadable_policy_closes_too(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    own.routed(site)
    spellings: list[dict[str, Any]] = [
        {"ipRestrictions": EVERYBODY},
        {"ipRestriction": {"allow": ["300.1.1.1"]}},
        {"ipRestriction": {"allow": "127.0.0.0/8"}},
        {"ipRestriction": {}},
        {},
    ]
    for spec in spellings:
        own.policy(site, "SecurityPolicy", **spec)
        await site.gateway.settled()
        assert await status(site) == 503, spec
    own.policy(site, "SecurityPolicy", ipRestriction=EVERYBODY)
    await site.gateway.settled()
    assert await status(site) == 200
    own.policy(site, "SecurityPolicy", "HTTPRoute web unknown", ipRestriction=EVERYBODY)
    await site.gateway.settled()
    assert await status(site) == 503


async def test_on_an_ingress(site: Site, echo_a: Echo) -> None:
    """With TLS of clients, which a route of the Gateway API cannot have: only the version here."""
    chain, key = pem.pair(site.host)
    site.backend("web", echo_a.port)
    site.apply(manifests.tls_secret("cert", site.namespace, chain, key))
    site.ingress(tls=[{"hosts": [site.host], "secretName": "cert"}], annotations={"sealos.io/ssl-redirect": "false"})
    own.policy(site, "SecurityPolicy", "Ingress web", ipRestriction=NOBODY, clientTLS={"minVersion": "TLSv1.3"})
    await site.gateway.settled()
    assert await status(site) == 403
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    assert (await site.get(https=True, verify=old)).status_code == 403
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    refused = False
    try:
        await site.get(https=True, verify=old)
    except httpx.ConnectError:
        refused = True
    assert refused
    own.policy(site, "SecurityPolicy", "Ingress web", clientTLS={"caCertificateRef": {"name": "missing"}})
    await site.gateway.settled()
    assert await status(site) == 503


async def test_certificates_of_clients_on_an_ingress(site: Site, echo_a: Echo, tmp_path: Path) -> None:
    """Who shows one of the authority passes, with its name for the backend; others are answered 400."""
    chain, key = pem.pair(site.host)
    site.backend("web", echo_a.port)
    site.apply(manifests.tls_secret("cert", site.namespace, chain, key), authorities(site.namespace, CA))
    site.ingress(tls=[{"hosts": [site.host], "secretName": "cert"}])
    own.policy(
        site, "SecurityPolicy", "Ingress web",
        clientTLS={"caCertificateRef": {"name": "people", "kind": "ConfigMap"}, "subjectPattern": "CN=ann"},
    )  # fmt: skip
    await site.gateway.settled()
    for by, name, wanted in ((CA, "ann", 200), (CA, "bob", 403), (OTHER_CA, "ann", 400), (None, "", 400)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if by is not None:
            context.load_cert_chain(shown(tmp_path, signed(name, by)))
        reply = await site.get(https=True, verify=context)
        assert reply.status_code == wanted, (name, reply.text)


def authorities(namespace: str, authority: Authority) -> dict[str, Any]:
    data = {"ca.crt": authority.pem.decode()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": manifests.meta("people", namespace), "data": data}


def shown(folder: Path, made: Authority) -> Path:
    key = made.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "client.pem"
    path.write_bytes(made.pem + key)
    return path
