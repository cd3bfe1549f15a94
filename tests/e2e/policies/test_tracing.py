"""Spans of requests reach a real collector of OpenTelemetry, and name what they belong to."""

from __future__ import annotations

import ssl
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from tests import pem
from tests.e2e import collector, manifests
from tests.e2e.backends import Echo
from tests.e2e.collector import Collector, Span
from tests.e2e.conftest import NewGateway
from tests.e2e.fleet import Fleet
from tests.e2e.harness import Gateway, eventually
from tests.e2e.policies import own

NGINX = "nginx.ingress.kubernetes.io/"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{PARENT}-01"
NOT_SAMPLED = f"00-{TRACE}-{PARENT}-00"
SERVER = 2  # SPAN_KIND_SERVER

pytestmark = pytest.mark.timeout(90)


def traced(new_gateway: NewGateway, echo: Echo, to: str, port: int, **more: Any) -> Gateway:
    envoy = {"drain_seconds": 2, "system_authorities": more.pop("authorities", "")}
    settings = {"tracing": {"collector": to.format(port), "service_name": "edge", **more}, "envoy": envoy}
    made = new_gateway(settings=settings)
    made.apply(
        manifests.service("web", "shop"), manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo.port})
    )
    return made.start()


def site(gateway: Gateway, host: str, **annotations: str) -> None:
    said = {NGINX + name.replace("_", "-"): value for name, value in annotations.items()}
    gateway.apply(manifests.ingress(host.replace("*", "any"), "shop", {host: "web:80"}, annotations=said))


async def sent(gateway: Gateway, host: str, path: str, *headers: tuple[str, str]) -> dict[str, str]:
    """The headers that the backend got."""
    reply = await gateway.get(host, path, headers=headers)
    assert reply.status_code == 200
    return dict(reply.json()["headers"])


async def exported(gateway: Gateway, spans: Collector, *marks: str) -> dict[str, list[Span]]:
    """All spans of requests so far, by a mark in their URL. Envoy sends them by fives, in their order: the last five
    are of nobody, and when they have arrived so has everything before them."""
    last = f"flush-{len(spans.spans)}"
    for _ in range(10):
        await gateway.get("flush.test", f"/{last}", headers=[("traceparent", SAMPLED)])
    await spans.of(last)
    return {mark: spans.marked(mark) for mark in marks}


@pytest.mark.parametrize("scheme", ["grpc", "http"])
async def test_spans_reach_a_collector(new_gateway: NewGateway, echo_a: Echo, scheme: str) -> None:
    async with collector.over_grpc() if scheme == "grpc" else collector.over_http() as spans:
        gateway = traced(new_gateway, echo_a, scheme + "://127.0.0.1:{}", spans.port)
        site(gateway, "a.test")
        await gateway.settled()
        got = await sent(gateway, "a.test", "/some/path?q=1")
        [span] = (await exported(gateway, spans, "/some/path"))["/some/path"]
        assert (span.service, span.name, span.kind, span.parent) == ("edge", "GET shop/a.test", SERVER, "")
        assert got["traceparent"] == f"00-{span.trace}-{span.id}-01"  # the backend's spans belong below ours
        assert span.attributes["http.url"] == "http://a.test/some/path?q=1"
        assert span.attributes["http.status_code"] == "200"
        assert span.attributes["guid:x-request-id"] == got["x-request-id"]
        assert "envoy_tracing_opentelemetry_spans_sent" in gateway.status("/metrics/envoy").text
        assert set(spans.paths) == ({"/v1/traces"} if scheme == "http" else set())


@pytest.mark.parametrize("scheme", ["grpcs", "https"])
async def test_a_collector_with_tls_shows_whose_it_is(
    new_gateway: NewGateway, echo_a: Echo, tmp_path: Path, scheme: str
) -> None:
    """One with a certificate of the authority for its name gets spans; one whose certificate is for another none."""
    authority = pem.Authority("machine", 50)
    (tmp_path / "machine.crt").write_bytes(authority.pem)
    right, wrong = authority.pair("localhost", number=51), authority.pair("other.test", number=52)
    async with encrypted(scheme, right, tmp_path) as spans, encrypted(scheme, wrong, tmp_path) as others:
        trusted = str(tmp_path / "machine.crt")
        gateway = traced(new_gateway, echo_a, scheme + "://localhost:{}", spans.port, authorities=trusted)
        site(gateway, "a.test")
        await gateway.settled()
        await sent(gateway, "a.test", "/x")
        [span] = (await exported(gateway, spans, "a.test/x"))["a.test/x"]
        assert span.service == "edge"
        gateway.stop()
        gateway.settings["tracing"]["collector"] = f"{scheme}://localhost:{others.port}"
        gateway.start()
        for _ in range(10):
            await sent(gateway, "a.test", "/y")
        failed = r"^cluster\.sealos-tracing\.ssl\.fail_verify_san$"
        await eventually(lambda: sum(gateway.stats(failed).values()) > 0, 15)
        assert others.spans == []


def encrypted(scheme: str, pair: pem.Pair, folder: Path) -> AbstractAsyncContextManager[Collector]:
    if scheme == "grpcs":
        return collector.over_grpc(pair)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (folder / "collector.pem").write_bytes(pair.chain + pair.key)
    context.load_cert_chain(folder / "collector.pem")
    return collector.over_http(context)


async def test_a_client_s_span_is_the_parent_and_says_whether_there_is_one(
    new_gateway: NewGateway, echo_a: Echo
) -> None:
    """Also with a share of nothing: what a client has sampled is traced as a whole, and nothing else."""
    async with collector.over_grpc() as spans:
        gateway = traced(new_gateway, echo_a, "grpc://127.0.0.1:{}", spans.port, sampling_percent=0)
        site(gateway, "a.test")
        site(gateway, "*.wild.test")
        await gateway.settled()
        forced = ("x-client-trace-id", "of the client")
        for host in ("a.test", "b.wild.test", "A.test"):
            with_parent = await sent(gateway, host, "/sampled", ("traceparent", SAMPLED), ("tracestate", "vendor=1"))
            unsampled = await sent(gateway, host, "/unsampled", ("traceparent", NOT_SAMPLED))
            alone = await sent(gateway, host, "/alone", forced)
            found = await exported(gateway, spans, f"{host}/sampled", f"{host}/unsampled", f"{host}/alone")
            [span] = found[f"{host}/sampled"]
            assert (span.trace, span.parent) == (TRACE, PARENT)
            assert with_parent["traceparent"] == f"00-{TRACE}-{span.id}-01"
            assert with_parent["tracestate"] == "vendor=1"
            assert unsampled["traceparent"].startswith(f"00-{TRACE}-")
            assert unsampled["traceparent"].endswith("-00")
            assert found[f"{host}/unsampled"] == found[f"{host}/alone"] == []
            assert not {name for name in (*with_parent, *alone) if name.startswith("x-client-trace")}


async def test_an_ingress_says_whether_it_is_traced(new_gateway: NewGateway, echo_a: Echo) -> None:
    async with collector.over_grpc() as spans:
        gateway = traced(new_gateway, echo_a, "grpc://127.0.0.1:{}", spans.port)
        site(gateway, "on.test", enable_opentelemetry="true")
        site(gateway, "off.test", enable_opentelemetry="false")
        site(gateway, "*.off.test", enable_opentelemetry="false")
        await gateway.settled()
        for host in ("on.test", "off.test", "a.off.test", "OFF.test"):
            await sent(gateway, host, "/plain")
        for host in ("on.test", "off.test"):
            assert (await sent(gateway, host, "/parent", ("traceparent", SAMPLED)))["traceparent"][:35] == SAMPLED[:35]
        found = await exported(gateway, spans, "on.test/", "off.test/", "OFF.test/")
        assert [span.attributes["http.url"] for span in found["on.test/"]] == [
            "http://on.test/plain", "http://on.test/parent",
        ]  # fmt: skip
        assert found["off.test/"] == found["OFF.test/"] == []


async def test_only_what_asks_for_it_is_traced_where_the_setting_says_so(new_gateway: NewGateway, echo_a: Echo) -> None:
    async with collector.over_grpc() as spans:
        gateway = traced(new_gateway, echo_a, "grpc://127.0.0.1:{}", spans.port, everywhere=False)
        site(gateway, "on.test", enable_opentelemetry="true")
        site(gateway, "plain.test", opentelemetry_operation_name="named")
        site(gateway, "flush.test", enable_opentelemetry="true")
        await gateway.settled()
        for host in ("on.test", "plain.test"):
            await sent(gateway, host, "/alone")
            await sent(gateway, host, "/parent", ("traceparent", SAMPLED))
        found = await exported(gateway, spans, "on.test/", "plain.test/")
        assert ([span.parent for span in found["on.test/"]], found["plain.test/"]) == (["", PARENT], [])


async def test_an_ingress_names_its_spans(new_gateway: NewGateway, echo_a: Echo) -> None:
    name = "HTTP $request_method $namespace/$ingress_name $service_name $uri 100%"
    async with collector.over_grpc() as spans:
        gateway = traced(new_gateway, echo_a, "grpc://127.0.0.1:{}", spans.port)
        site(gateway, "a.test", opentelemetry_operation_name=name)
        await gateway.settled()
        await sent(gateway, "a.test", "/x?q=1")
        [span] = (await exported(gateway, spans, "a.test/x"))["a.test/x"]
        assert span.name == "HTTP GET shop/a.test web /x 100%"


async def test_clients_that_are_not_trusted_begin_no_trace(new_gateway: NewGateway, echo_a: Echo) -> None:
    async with collector.over_grpc() as spans:
        gateway = traced(new_gateway, echo_a, "grpc://127.0.0.1:{}", spans.port, trust_incoming=False)
        site(gateway, "a.test")
        await gateway.settled()
        got = await sent(gateway, "a.test", "/x", ("traceparent", NOT_SAMPLED), ("tracestate", "vendor=1"))
        [span] = (await exported(gateway, spans, "a.test/x"))["a.test/x"]
        assert (span.parent, span.trace != TRACE, got["tracestate"]) == ("", True, "")
        assert got["traceparent"] == f"00-{span.trace}-{span.id}-01"


async def test_a_collector_that_is_away_stops_nobody(new_gateway: NewGateway, echo_a: Echo) -> None:
    gateway = traced(new_gateway, echo_a, "grpc://127.0.0.1:{}", 1)  # nobody listens there
    site(gateway, "a.test")
    await gateway.settled()
    for _ in range(20):
        assert (await sent(gateway, "a.test", "/"))["traceparent"].endswith("-01")
    assert [line for line in gateway.problems() if "barrier" not in line] == []


async def test_an_envoy_apart_gets_the_collector_without_asking(tmp_path: Path, echo_a: Echo) -> None:
    """A node that holds only what traffic touches; the control plane alone knows the collector."""
    objects = [
        manifests.service("web", "shop"), manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo_a.port}),
        manifests.ingress("web", "shop", {"a.test": "web:80"}),
    ]  # fmt: skip
    async with collector.over_grpc() as spans:
        fleet = Fleet(tmp_path, objects, settings={"tracing": {"collector": f"grpc://127.0.0.1:{spans.port}"}})
        fleet.node_settings = {"lazy": {"threshold": 0}}
        try:
            fleet.controls[0].start()
            node = fleet.node()
            node.start()
            await sent(node, "a.test", "/x")
            [span] = (await exported(node, spans, "a.test/x"))["a.test/x"]
            assert span.name == "GET shop/web"
        finally:
            fleet.stop()


async def test_a_policy_says_whether_it_is_traced_and_how_it_is_called(new_gateway: NewGateway, echo_a: Echo) -> None:
    async with collector.over_http() as spans:
        gateway = traced(new_gateway, echo_a, "http://127.0.0.1:{}/v1/traces", spans.port)
        for host in ("on.test", "off.test"):
            site(gateway, host)
        for name, said in (("on", {"operation": "shop $request_method"}), ("off", {"enabled": False})):
            target = {"group": "networking.k8s.io", "kind": "Ingress", "name": f"{name}.test"}
            gateway.apply(own.made("TrafficPolicy", name, "shop", targetRefs=[target], tracing=said))
        await gateway.settled()
        for host in ("on.test", "off.test"):
            for turn in ("first", "second"):
                assert (await gateway.get(host, f"/{host}-{turn}")).status_code == 200
        found = await exported(gateway, spans, "on.test-second", "off.test-second")
    assert "shop GET" in [one.name for one in found["on.test-second"]]
    assert found["off.test-second"] == []
