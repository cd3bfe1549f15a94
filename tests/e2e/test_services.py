"""Services: how a port is named, where the endpoints come from, and what is spoken to them."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sealos_gateway.echo.server import EchoSettings
from tests.e2e import backends, manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.harness import eventually


async def names(site: Site, times: int = 30) -> set[str]:
    """Which backends answer."""
    return {str((await site.answer())["name"]) for _ in range(times)}


async def become(site: Site, *expected: str) -> None:
    async def check() -> None:
        assert await names(site) == set(expected)

    await eventually(check)


@pytest.mark.parametrize("by", ["80", "http"], ids=["number", "name"])
async def test_a_port_by_number_and_by_name(site: Site, echo_a: Echo, echo_b: Echo, by: str) -> None:
    """The slice pairs with the Service by the name of the port; the other port leads elsewhere."""
    site.apply(manifests.service("web", site.namespace, manifests.port(), manifests.port(81, "other")))
    ports = {"http": echo_a.port, "other": echo_b.port}
    site.apply(manifests.endpoint_slice("web", site.namespace, ["127.0.0.1"], ports))
    site.ingress([manifests.path("/", f"web:{by}"), manifests.path("/other", "web:81")])
    assert (await eventually(site.answer))["name"] == "echo-a"
    assert (await site.answer("/other"))["name"] == "echo-b"


async def test_a_cluster_is_one_per_service_port_and_named_as_istio_does(site: Site, echo_a: Echo) -> None:
    site.backend("web", echo_a.port)
    paths = [manifests.path(f"/{number}", "web:80") for number in range(5)]
    site.ingress(paths)
    await site.gateway.settled()
    for number in range(5):
        await site.answer(f"/{number}")
    name = f"outbound|80||web.{site.namespace}.svc.cluster.local"
    clusters = site.gateway.config_dump("dynamic_active_clusters")
    assert [it["cluster"]["name"] for it in clusters if f".{site.namespace}.svc" in it["cluster"]["name"]] == [name]


async def test_ipv6_endpoints(site: Site) -> None:
    async with backends.echo(EchoSettings(host="::1", name="six")) as six:
        site.apply(manifests.service("web", site.namespace))
        site.apply(manifests.endpoint_slice("web", site.namespace, ["::1"], {"http": six.port}, address_type="IPv6"))
        site.ingress()
        assert (await eventually(site.answer))["name"] == "six"


async def test_several_slices_with_ports_of_their_own_are_one_backend(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    site.backend("web", echo_a.port)
    site.slice("web", echo_b.port, "web-2")
    site.ingress()
    await become(site, "echo-a", "echo-b")
    site.delete(manifests.endpoint_slice("web", site.namespace, [], {}, name="web-1"))
    await become(site, "echo-b")


async def test_only_ready_endpoints_get_traffic(site: Site, echo_a: Echo, echo_b: Echo) -> None:
    def put(first: manifests.Object, second: manifests.Object) -> None:
        for name, one, port in (("web-1", first, echo_a.port), ("web-2", second, echo_b.port)):
            site.apply(manifests.endpoint_slice("web", site.namespace, [one], {"http": port}, name=name))

    ready = manifests.endpoint("127.0.0.1", ready=True)
    unready = manifests.endpoint("127.0.0.1", ready=False)
    leaving = manifests.endpoint("127.0.0.1", ready=False, serving=True, terminating=True)
    unknown = manifests.endpoint("127.0.0.1") | {"conditions": {}}
    site.apply(manifests.service("web", site.namespace))
    put(ready, ready)
    site.ingress()
    await become(site, "echo-a", "echo-b")
    put(ready, unready)
    await become(site, "echo-a")
    put(ready, leaving)
    await site.gateway.settled()
    await become(site, "echo-a")
    put(unready, leaving)  # nobody is ready: one that is leaving and still serves is better than a 503
    await become(site, "echo-b")
    put(unknown, unready)  # unknown means ready
    await become(site, "echo-a")


async def test_a_headless_service_is_served_as_any_other(site: Site, echo_a: Echo) -> None:
    site.apply(manifests.service("web", site.namespace, cluster_ip="None"))
    site.slice("web", echo_a.port)
    site.ingress()
    assert (await eventually(site.answer))["name"] == "echo-a"


async def test_an_external_name_is_resolved_by_dns(site: Site, echo_a: Echo) -> None:
    port = manifests.port(echo_a.port)
    site.apply(manifests.service("ext", site.namespace, port, external_name="localhost"))
    site.ingress(f"ext:{echo_a.port}")
    assert (await eventually(site.answer))["name"] == "echo-a"


async def test_an_external_name_becomes_a_service_with_endpoints_and_back(
    site: Site, echo_a: Echo, echo_b: Echo
) -> None:
    port = manifests.port(echo_a.port)
    site.apply(manifests.service("web", site.namespace, port, external_name="localhost"))
    site.ingress(f"web:{echo_a.port}")
    await become(site, "echo-a")
    site.slice("web", echo_b.port)
    site.apply(manifests.service("web", site.namespace, port))
    await become(site, "echo-b")
    site.apply(manifests.service("web", site.namespace, port, external_name="localhost"))
    await become(site, "echo-a")


@pytest.mark.parametrize(
    ("protocol", "version"),
    [("", "1.1"), ("http", "1.1"), ("kubernetes.io/ws", "1.1"), ("kubernetes.io/h2c", "2")],
)
async def test_the_protocol_of_a_port(site: Site, echo_a: Echo, protocol: str, version: str) -> None:
    site.backend("web", echo_a.port, app_protocol=protocol)
    site.ingress()
    said = await eventually(site.answer)
    assert said["http_version"] == version
    assert (await site.answer(http2=True))["http_version"] == version


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody knows, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "backend")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    paths = (tmp_path / "tls.crt", tmp_path / "tls.key")
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


async def test_an_https_backend(site: Site, certificate: tuple[Path, Path]) -> None:
    settings = EchoSettings(name="secure", tls_cert=certificate[0], tls_key=certificate[1])
    async with backends.echo(settings) as secure:
        site.backend("web", secure.port, app_protocol="https")
        site.ingress()
        said = await eventually(site.answer)
    assert (said["name"], said["scheme"]) == ("secure", "https")


async def test_a_dead_endpoint_beside_a_living_one_costs_no_request(site: Site, echo_a: Echo) -> None:
    """What did not reach a backend is tried again at another."""
    async with backends.raw(backends.Recorder()) as gone:
        dead = gone.port
    site.backend("web", echo_a.port, dead)
    site.ingress()
    await site.gateway.settled()
    assert await names(site, 20) == {"echo-a"}


async def test_a_backend_that_refuses_is_503_in_envoys_words(site: Site) -> None:
    async with backends.raw(backends.Recorder()) as gone:
        dead = gone.port
    site.backend("web", dead)
    site.ingress()
    await site.gateway.settled()
    reply = await site.get()
    assert reply.status_code == 503
    assert reply.text.startswith("upstream connect error or disconnect/reset before headers")
