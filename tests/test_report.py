"""Problems from every side, as problems of the objects that caused them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from sealos_gateway.envoy import names
from sealos_gateway.files.source import Source
from sealos_gateway.model.keys import HostKey
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.report import Report, origins
from sealos_gateway.resources import kinds
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.settings import GatewayApiSettings, Settings
from sealos_gateway.xds.fleet import Fleet
from tests import objects, pem
from tests.translate import gateways

PAIR = pem.pair("a.example.com")


@pytest.fixture
def made() -> Pipeline:
    return objects.pipeline(
        objects.ingress("web", objects.rule("a.example.com", objects.path("/")), tls=[objects.tls("cert")]),
        objects.service(),
        objects.secret("cert", PAIR.chain, PAIR.key),
    )


@pytest.mark.parametrize(
    ("type_", "name", "wanted"),
    [
        (names.ROUTES, "ingress|a.example.com", "Ingress shop/web"),
        (names.SCOPE, names.scope(HostKey("ingress", "a.example.com")), "Ingress shop/web"),
        (names.CLUSTER, "outbound|80||web.shop.svc.cluster.local", "Service shop/web"),
        (names.CLUSTER, names.TRACING, "Setting tracing.collector"),
        (names.ENDPOINTS, "outbound|80||web.shop.svc.cluster.local", "Service shop/web"),
        (names.SECRET, "a.example.com", "Secret shop/cert"),
        (names.LISTENER, "https", "Setting https"),
        (names.LISTENER, "gateway/shop.edge.one/443", "Gateway shop/edge.one"),
        (names.LISTENER, "gateway//443", "Setting gateway//443"),
        (names.ROUTES, "ingress|gone", "Setting ingress|gone"),
    ],
)
def test_a_resource_is_traced_to_its_objects(made: Pipeline, type_: str, name: str, wanted: str) -> None:
    assert [str(origin) for origin in origins(made, type_, name)] == [wanted]


def test_routes_of_a_gateway_that_are_refused_are_those_of_their_objects() -> None:
    it = gateways.pipeline(
        gateways.gateway(gateways.listener(port=9090)),
        gateways.made(kinds.HTTP_ROUTE, "web", parentRefs=[{"name": "edge"}], hostnames=["a.com"], rules=[{}]),
    )
    (key,) = [key for key in it.host_keys() if key.host == "a.com"]
    for type_, name in ((names.ROUTES, names.host(key)), (names.SCOPE, names.scope(key))):
        assert "HTTPRoute shop/web" in [str(origin) for origin in origins(it, type_, name)]
    own = Settings(gateway_api=GatewayApiSettings(control="control.test"))
    named = gateways.gateway(gateways.https(hostname="a.com"))
    its = objects.pipeline(gateways.gateway_class(), named, gateways.secret(), settings=own)
    assert [str(it) for it in origins(its, names.SECRET, "served/shop.edge/a.com")] == ["Secret shop/cert"]
    assert not [it for it in origins(its, names.SECRET, "served/shop.edge/b.com") if it.kind == "Secret"]
    for trusted, wanted in ((names.trust(Origin("ConfigMap", Ref("shop", "ca"))), "ConfigMap shop/ca"),
                            (names.client_pair(Ref("shop", "cert")), "Secret shop/cert")):  # fmt: skip
        assert [str(origin) for origin in origins(it, names.SECRET, trusted)] == [wanted]


def test_files_objects_and_bugs_of_our_own_are_reported(made: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("a: [")
    source = Source([tmp_path])
    source.load()
    objects.put(made, objects.web("b c", "other"))
    made.graph.failures["hosts", "x"] = ValueError("boom")
    found = Report(source, made, Fleet()).problems()
    assert {problem.origin.kind for problem in found} == {"File", "Ingress", "Row"}
    (bug,) = [problem for problem in found if problem.reason == "InternalError"]
    assert "ValueError: boom" in bug.message


def test_what_comes_and_goes_is_logged_once(made: Pipeline, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    report = Report(Source([tmp_path]), made, Fleet())
    with caplog.at_level(logging.INFO):
        objects.drop(made, objects.service())
        report.log_changes()
        report.log_changes()
        objects.put(made, objects.service())
        report.log_changes()
    assert [(record.levelname, "ServiceNotFound" in record.getMessage()) for record in caplog.records] == [
        ("WARNING", True), ("INFO", True),
    ]  # fmt: skip


def test_a_cluster_that_is_refused_may_be_its_policy_too() -> None:
    policy = gateways.made(
        kinds.BACKEND_TLS_POLICY, "tls", targetRefs=[{"group": "", "kind": "Service", "name": "web"}],
        validation={"hostname": "web.test", "wellKnownCACertificates": "System"},
    )  # fmt: skip
    it = objects.pipeline(objects.web("a.com"), objects.service(), policy)
    found = origins(it, names.CLUSTER, "outbound|80||web.shop.svc.cluster.local")
    assert [str(origin) for origin in found] == ["Service shop/web", "BackendTLSPolicy shop/tls"]
