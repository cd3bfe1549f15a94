"""BackendTLSPolicies and certificates of Gateways, through a real Envoy, to backends with real certificates."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11
import httpx
import pytest

from tests import pem
from tests.e2e import backends, manifests, processes, tls, wire
from tests.e2e.backends import LOOPBACK
from tests.e2e.gateway_api.objects import CLASS, gateway, of
from tests.e2e.harness import Gateway, eventually

CA, OTHER, MACHINE = pem.Authority("ca"), pem.Authority("other", 1), pem.Authority("machine", 2)
OWN = CA.pair(common_name="the-gateway", number=7)


@dataclass
class Backend:
    """A server with TLS that says which name it was asked for and who asked; every answer ends its connection."""

    file: Path
    context: ssl.SSLContext = field(default_factory=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    port: int = 0
    handshakes: int = 0
    _asked: dict[int, str] = field(default_factory=dict)

    def show(self, pair: pem.Pair) -> None:
        """From now on, this certificate."""
        self.file.write_bytes(pair.key + pair.chain)
        self.context.load_cert_chain(self.file)

    def ask_clients(self, authority: pem.Authority) -> None:
        """Only clients with a certificate of this authority."""
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.load_verify_locations(cadata=authority.pem.decode())

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.handshakes += 1
        session = writer.get_extra_info("ssl_object")
        connection = h11.Connection(h11.SERVER)
        while (event := connection.next_event()) is not h11.PAUSED and not isinstance(event, h11.EndOfMessage):
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(1 << 16))
        subject = (session.getpeercert() or {}).get("subject", ()) if session else ()
        client = dict(pair for part in subject for pair in part).get("commonName", "")
        told = json.dumps({"asked": self._asked.pop(id(session), ""), "client": client, "tls": bool(session)}).encode()
        head = h11.Response(status_code=200, headers=[("content-length", str(len(told))), ("connection", "close")])
        for part in (head, h11.Data(told), h11.EndOfMessage()):
            writer.write(connection.send(part) or b"")
        await writer.drain()


@asynccontextmanager
async def backend(file: Path, pair: pem.Pair) -> AsyncIterator[Backend]:
    made = Backend(file)
    made.context.minimum_version = ssl.TLSVersion.TLSv1_3
    made.context.num_tickets = 0  # a resumed session shows no certificate again
    made.show(pair)

    def named(session: Any, name: str | None, _context: ssl.SSLContext) -> None:
        made._asked[id(session)] = name or ""

    made.context.sni_callback = named
    async with backends.raw(made, context=made.context) as listening:
        made.port = listening.port
        yield made


def authority(name: str, *several: pem.Authority) -> manifests.Object:
    data = {"ca.crt": b"".join(one.pem for one in several).decode()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": manifests.meta(name, "shop"), "data": data}


def bundle(name: str, *several: pem.Authority) -> manifests.Object:
    spec = {"trustBundle": b"".join(one.pem for one in several).decode()}
    return {
        "apiVersion": "certificates.k8s.io/v1beta1",
        "kind": "ClusterTrustBundle",
        "metadata": {"name": name},
        "spec": spec,
    }


def policy(service: str, ca: str = "ca", **validation: Any) -> manifests.Object:
    believed = {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": ca}]} if ca else {}
    validation = {"hostname": "backend.test", **believed, **validation}
    targets = [{"group": "", "kind": "Service", "name": service}]
    return of("BackendTLSPolicy", service, targetRefs=targets, validation=validation)


#: What each policy says, and what a request is answered then. The certificate is for backend.test and spiffe://a/b.
CASES: dict[str, tuple[dict[str, Any] | None, int]] = {
    "right": ({}, 200),
    "name": ({"hostname": "other.test"}, 503),
    "authority": ({"ca": "other"}, 503),
    "nobody": ({"ca": "absent"}, 503),
    "machine": ({"ca": "", "wellKnownCACertificates": "System"}, 503),
    "dns-san": (
        {"hostname": "asked.test", "subjectAltNames": [{"type": "Hostname", "hostname": "backend.test"}]}, 200
    ),
    "uri-san": ({"hostname": "asked.test", "subjectAltNames": [{"type": "URI", "uri": "spiffe://a/b"}]}, 200),
    "one-of-two": (
        {"subjectAltNames": [{"type": "URI", "uri": "spiffe://no"}, {"type": "Hostname", "hostname": "backend.test"}]},
        200,
    ),
    "wrong-san": ({"subjectAltNames": [{"type": "URI", "uri": "spiffe://a/c"}]}, 503),
    "plain": (None, 503),
}  # fmt: skip


@dataclass
class World:
    gateway: Gateway
    backend: Backend
    other: Backend
    port: int
    tls_port: int

    async def ask(self, path: str, port: int = 0, host: str = "a.test") -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.get(f"http://{LOOPBACK}:{port or self.port}{path}", headers={"host": host})

    async def answers(self, path: str, status: int, **more: Any) -> dict[str, Any]:
        """What a request is answered, at the latest soon."""
        found: dict[str, Any] = {}

        async def so() -> bool:
            reply = await self.ask(path, **more)
            found.update(
                reply.json() if reply.status_code == 200 else {"status": reply.status_code, "text": reply.text}
            )
            return reply.status_code == status

        await eventually(so)
        return found


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    ports = processes.free_ports(2)
    machine = tmp_path / "machine.crt"
    machine.write_bytes(MACHINE.pem)
    settings = {"lazy": {"threshold": 0}, "envoy": {"system_authorities": str(machine)}}
    async with (
        backend(tmp_path / "one.pem", CA.pair("backend.test", uris=("spiffe://a/b",))) as one,
        backend(tmp_path / "two.pem", MACHINE.pair("backend.test", number=1)) as two,
    ):
        made = Gateway(tmp_path / "gw", settings=settings)
        made.apply(CLASS)
        ends = {"hostname": "ended.test", "tls": {"certificateRefs": [{"name": "ended"}]}}
        listeners = [
            {"name": "web", "port": ports[0], "protocol": "HTTP"},
            {"name": "ends", "port": ports[1], "protocol": "TLS", **ends},
            {"name": "unread", "port": ports[1], "protocol": "TLS", "hostname": "unread.test",
             "tls": {"mode": "Passthrough"}},
        ]  # fmt: skip
        made.apply(gateway(*listeners))
        made.apply(authority("ca", CA), authority("other", OTHER))
        made.apply(manifests.tls_secret("ended", "shop", *pem.pair("ended.test", number=3)))
        rules = []
        for name, (said, _) in CASES.items():
            service(made, name, one.port)
            rules.append(rule(f"/{name}", name))
            if said is not None:
                made.apply(policy(name, **said))
        service(made, "known", two.port)
        made.apply(policy("known", "", wellKnownCACertificates="System"))
        rules.append(rule("/known", "known"))
        made.apply(of("HTTPRoute", "web", parentRefs=[{"name": "gw", "sectionName": "web"}], rules=rules))
        for section in ("ends", "unread"):
            backend_refs = [{"name": "right", "port": 443}]
            parents = [{"name": "gw", "sectionName": section}]
            made.apply(of("TLSRoute", section, parentRefs=parents, rules=[{"backendRefs": backend_refs}]))
        try:
            yield World(made.start(), one, two, ports[0], ports[1])
        finally:
            made.stop()


def service(made: Gateway, name: str, port: int) -> None:
    made.apply(manifests.service(name, "shop", manifests.port(443, "tls")))
    made.apply(manifests.endpoint_slice(name, "shop", [LOOPBACK], {"tls": port}))


def rule(path: str, service: str) -> dict[str, Any]:
    return {"matches": [{"path": {"value": path}}], "backendRefs": [{"name": service, "port": 443}]}


async def test_only_a_backend_that_proves_who_it_is_gets_requests(world: World) -> None:
    for name, (said, status) in CASES.items():
        reply = await world.ask(f"/{name}")
        assert reply.status_code == status, (name, reply.text)
        if status == 200:
            assert said is not None
            assert reply.json() == {"asked": said.get("hostname", "backend.test"), "client": "", "tls": True}
    assert (await world.ask("/known")).json()["tls"] is True, "an authority of the machine's file"


async def test_a_policy_that_comes_changes_and_goes(world: World) -> None:
    world.gateway.apply(policy("plain"))
    assert (await world.answers("/plain", 200))["tls"] is True
    world.gateway.apply(policy("plain", "absent"))
    before = world.backend.handshakes
    await world.answers("/plain", 503)
    for _ in range(5):
        assert (await world.ask("/plain")).status_code == 503
    assert world.backend.handshakes == before, "nobody was sent there"
    assert [it for it in world.gateway.problems() if "BackendTLSPolicy shop/plain" in it and "absent" in it]
    world.gateway.apply(authority("absent", CA))
    await world.answers("/plain", 200)
    world.gateway.delete(policy("plain"))
    await world.answers("/plain", 503)


async def test_a_bundle_of_the_cluster_is_believed_and_changes(world: World) -> None:
    refs = [{"group": "certificates.k8s.io", "kind": "ClusterTrustBundle", "name": "example.com:own:one"}]
    world.gateway.apply(policy("plain", "", caCertificateRefs=refs))
    await eventually(lambda: [it for it in world.gateway.problems() if "example.com:own:one does not exist" in it])
    assert (await world.ask("/plain")).status_code == 503
    world.gateway.apply(bundle("example.com:own:one", OTHER))
    await eventually(lambda: not [it for it in world.gateway.problems() if "BackendTLSPolicy shop/plain" in it])
    assert (await world.ask("/plain")).status_code == 503
    world.gateway.apply(bundle("example.com:own:one", CA))
    assert (await world.answers("/plain", 200))["tls"] is True
    world.gateway.apply(bundle("example.com:own:one", OTHER))
    await world.answers("/plain", 503)
    world.backend.show(OTHER.pair("backend.test", number=9))
    await world.answers("/plain", 200)
    world.gateway.delete(bundle("example.com:own:one"))
    await world.answers("/plain", 503)


async def test_an_ingress_to_the_same_service_is_held_to_it(world: World) -> None:
    for name in ("right", "authority"):
        world.gateway.apply(manifests.ingress(name, "shop", {f"{name}.test": f"{name}:443"}))
    await world.gateway.settled()
    assert (await world.gateway.get("right.test")).json()["asked"] == "backend.test"
    assert (await world.gateway.get("authority.test")).status_code == 503


async def test_connections_that_end_here_go_on_by_tls_and_others_as_they_are(world: World) -> None:
    async with tls.line(world.tls_port, "ended.test") as (connection, shown):
        assert shown.names == ("ended.test",)
        await connection.send(wire.request("/", "ended.test"))
        assert json.loads((await connection.reply()).body)["asked"] == "backend.test"
    async with tls.line(world.tls_port, "unread.test") as (connection, shown):
        assert shown.names == ("backend.test",)
        await connection.send(wire.request("/", "unread.test"))
        assert json.loads((await connection.reply()).body)["asked"] == "unread.test"


async def test_the_certificate_of_the_gateway_is_shown_to_backends(world: World) -> None:
    world.backend.ask_clients(CA)
    assert (await world.ask("/right")).status_code == 503
    gateway = json.loads((world.gateway.manifests / "gateway.shop.gw.json").read_text())
    gateway["spec"]["tls"] = {"backend": {"clientCertificateRef": {"name": "own"}}}
    world.gateway.apply(gateway, manifests.tls_secret("own", "shop", *OWN))
    assert (await world.answers("/right", 200))["client"] == "the-gateway"
    assert (await world.ask("/uri-san")).json()["client"] == "the-gateway"
    async with tls.line(world.tls_port, "ended.test") as (connection, _):
        await connection.send(wire.request("/", "ended.test"))
        assert json.loads((await connection.reply()).body)["client"] == "the-gateway"

    world.gateway.apply(manifests.tls_secret("own", "shop", *CA.pair(common_name="renewed", number=8)))

    async def renewed() -> bool:
        return bool((await world.ask("/right")).json()["client"] == "renewed")

    await eventually(renewed)


async def test_another_authority_under_load_fails_no_request(world: World) -> None:
    """Believe both, show the new certificate, believe only the new authority: every step under load."""
    found: Counter[int] = Counter()
    stop = False

    async def client() -> None:
        async with httpx.AsyncClient(trust_env=False) as one:
            while not stop:
                reply = await one.get(f"http://{LOOPBACK}:{world.port}/right", headers={"host": "a.test"})
                found[reply.status_code] += 1

    async def more(number: int = 40) -> None:
        wanted = found.total() + number
        await eventually(lambda: found.total() >= wanted, 30)

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(client())
        await more()
        world.gateway.apply(authority("ca", CA, OTHER))
        await world.gateway.settled()
        await more()
        world.backend.show(OTHER.pair("backend.test", number=4))
        await more()
        world.gateway.apply(authority("ca", OTHER))
        await world.gateway.settled()
        await more()
        stop = True
    assert set(found) == {200}
    world.backend.show(CA.pair("backend.test", number=5))
    await world.answers("/right", 503)


async def test_a_machine_without_authorities_believes_none_and_says_so(tmp_path: Path) -> None:
    settings = {"lazy": {"threshold": 0}, "envoy": {"system_authorities": str(tmp_path / "absent.crt")}}
    async with backend(tmp_path / "one.pem", MACHINE.pair("backend.test")) as one:
        made = Gateway(tmp_path / "gw", settings=settings)
        service(made, "web", one.port)
        made.apply(policy("web", "", wellKnownCACertificates="System"))
        made.apply(manifests.ingress("web", "shop", {"a.test": "web:443"}))
        with made:
            began = time.monotonic()
            assert (await made.get("a.test", seconds=20)).status_code == 503
            # Envoy holds a request for a cluster that never comes for 5 s, and sometimes looks twice on a cold host.
            assert time.monotonic() - began < 15
            assert one.handshakes == 0
            await eventually(lambda: [it for it in made.problems() if "BackendTLSPolicy shop/web" in it])
            await eventually(lambda: "envoy.system_authorities" in made.stderr())
