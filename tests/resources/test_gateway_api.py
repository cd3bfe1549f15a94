"""Objects of the Gateway API as they arrive: every field has its place, and what is absent has the API's default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import yaml

from sealos_gateway.files.source import Source
from sealos_gateway.resources import kinds
from sealos_gateway.resources.gateway_api import features, gateways, policies, routes
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref

#: Every field of every kind, each with a value that is not its default.
EVERYTHING = (Path(__file__).parent / "gateway_api.yaml").read_text(encoding="utf-8")
DOCUMENTS: list[dict[str, Any]] = list(yaml.safe_load_all(EVERYTHING))


def kind_of(document: dict[str, Any]) -> Kind:
    return kinds.BY_NAME[document["apiVersion"], document["kind"]]


def of(kind: Kind, spec: dict[str, Any]) -> Any:
    """An object with as little as possible."""
    return kinds.from_builtins(kind, {"metadata": {"name": "x", "namespace": "n"}, "spec": spec})


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda it: it["kind"])
def test_every_field_is_read_and_none_is_lost(document: dict[str, Any]) -> None:
    kind = kind_of(document)
    found = kinds.from_builtins(kind, document)
    assert kinds.from_json(kind, json.dumps(document).encode()) == found
    back = json.loads(msgspec.json.encode(found))
    assert {"apiVersion": kind.api_version, "kind": kind.name} | back == document


def test_all_kinds_are_among_them() -> None:
    assert {kind_of(document) for document in DOCUMENTS} == set(kinds.GATEWAY_API)


def test_manifests_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(EVERYTHING, encoding="utf-8")
    source = Source([tmp_path])
    update = source.load()
    assert source.problems == ()
    assert {(kind, ref.name) for kind, ref, _ in update.puts} == {(kind, "everything") for kind in kinds.GATEWAY_API}


def test_manifests_of_older_versions(tmp_path: Path) -> None:
    for number, (version, name) in enumerate(kinds.BY_NAME):
        if version.startswith("gateway.networking.k8s.io/"):
            document = next(it for it in DOCUMENTS if it["kind"] == name) | {"apiVersion": version}
            document["metadata"] = document["metadata"] | {"name": f"x{number}"}
            (tmp_path / f"{number}.json").write_text(json.dumps(document), encoding="utf-8")
    source = Source([tmp_path])
    update = source.load()
    assert source.problems == ()
    assert len(update.puts) == sum(1 + len(kind.also) for kind in kinds.GATEWAY_API)


def test_an_unknown_word_costs_nothing() -> None:
    """A newer API may know more filters, protocols and fields; what is new is told by the translation, not here."""
    rule = {"filters": [{"type": "Teleport", "teleport": {"to": "mars"}}], "matches": [{"path": {"type": "Fuzzy"}}]}
    found = cast(routes.HTTPRoute, of(kinds.HTTP_ROUTE, {"rules": [rule], "novelty": 1}))
    assert found.spec.rules[0].filters[0].type == "Teleport"
    assert found.spec.rules[0].matches[0].path == routes.PathMatch("Fuzzy", "/")


def test_an_http_route_with_defaults() -> None:
    found = cast(routes.HTTPRoute, of(kinds.HTTP_ROUTE, {"parentRefs": [{"name": "edge"}]}))
    (rule,) = found.spec.rules
    assert rule.matches == (routes.HttpMatch(routes.PathMatch("PathPrefix", "/")),)
    (parent,) = found.spec.parent_refs
    assert (parent.group, parent.kind, parent.namespace) == ("gateway.networking.k8s.io", "Gateway", None)


def test_a_match_without_a_path_takes_every_path() -> None:
    found = cast(routes.HTTPRoute, of(kinds.HTTP_ROUTE, {"rules": [{"matches": [{"method": "GET"}]}]}))
    assert found.spec.rules[0].matches[0].path == routes.PathMatch("PathPrefix", "/")


def test_filters_with_defaults() -> None:
    redirect = {"type": "RequestRedirect", "requestRedirect": {}}
    cors = {"type": "CORS", "cors": {}}
    mirror = {"backendRef": {"name": "m"}, "fraction": {"numerator": 5}}
    filters = [redirect, cors, {"type": "RequestMirror", "requestMirror": mirror}]
    found = cast(routes.HTTPRoute, of(kinds.HTTP_ROUTE, {"rules": [{"filters": filters}]}))
    first, second, third = found.spec.rules[0].filters
    assert first.request_redirect is not None
    assert first.request_redirect.status_code == 302
    assert second.cors is not None
    assert (second.cors.max_age, second.cors.allow_credentials) == (5, False)
    assert third.request_mirror is not None
    assert third.request_mirror.fraction is not None
    assert third.request_mirror.fraction.denominator == 100


@pytest.mark.parametrize("kind", kinds.ROUTES)
def test_backends_with_defaults(kind: Kind) -> None:
    found = of(kind, {"rules": [{"backendRefs": [{"name": "web", "port": 80}]}]})
    (backend,) = found.spec.rules[0].backend_refs
    assert (backend.group, backend.kind, backend.namespace, backend.weight) == ("", "Service", None, 1)


@pytest.mark.parametrize("kind", [kinds.GATEWAY, kinds.LISTENER_SET])
def test_listeners_with_defaults(kind: Kind) -> None:
    listener = {"name": "l", "port": 443, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "cert"}]}}
    found = of(kind, {"gatewayClassName": "sealos", "parentRef": {"name": "edge"}, "listeners": [listener]})
    (row,) = found.spec.listeners
    assert row.allowed_routes.namespaces.from_ == "Same"
    assert row.allowed_routes.kinds == ()
    assert row.tls.mode == "Terminate"
    assert (row.tls.certificate_refs[0].group, row.tls.certificate_refs[0].kind) == ("", "Secret")


def test_a_gateway_with_defaults() -> None:
    authority = {"group": "", "kind": "ConfigMap", "name": "ca"}
    tls = {"frontend": {"default": {"validation": {"caCertificateRefs": [authority]}}}}
    spec = {"gatewayClassName": "sealos", "listeners": [], "addresses": [{"value": "10.0.0.1"}, {}], "tls": tls}
    found = cast(gateways.Gateway, of(kinds.GATEWAY, spec))
    assert found.spec.allowed_listeners.namespaces.from_ == "None"
    assert [(it.type, it.value) for it in found.spec.addresses] == [("IPAddress", "10.0.0.1"), ("IPAddress", "")]
    assert found.spec.tls is not None
    assert found.spec.tls.frontend is not None
    assert found.spec.tls.frontend.default.validation is not None
    assert found.spec.tls.frontend.default.validation.mode == "AllowValidOnly"


def test_a_grant_and_a_policy_with_defaults() -> None:
    origin = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "other"}
    grant = cast(
        policies.ReferenceGrant, of(kinds.REFERENCE_GRANT, {"from": [origin], "to": [{"group": "", "kind": "Service"}]})
    )
    assert grant.spec.from_ == (policies.GrantFrom(**origin),)
    assert grant.spec.to[0].name is None
    target = {"group": "", "kind": "Service", "name": "web"}
    spec = {"targetRefs": [target], "validation": {"hostname": "a.com", "wellKnownCACertificates": "System"}}
    policy = cast(policies.BackendTLSPolicy, of(kinds.BACKEND_TLS_POLICY, spec))
    assert policy.spec.validation.well_known_ca_certificates == "System"
    assert policy.spec.target_refs[0].section_name is None


def test_metadata_that_conditions_need() -> None:
    data = {"metadata": {"name": "x", "namespace": "n", "generation": 7, "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    found = kinds.from_builtins(kinds.GATEWAY, data | {"spec": {"gatewayClassName": "sealos"}})
    assert isinstance(found, gateways.Gateway)
    assert found.ref == Ref("n", "x")
    assert found.metadata.generation == 7
    assert found.metadata.deletion_timestamp


@pytest.mark.parametrize(
    ("kind", "spec", "field"),
    [
        (kinds.GATEWAY, {"listeners": []}, "spec"),
        (kinds.LISTENER_SET, {"listeners": [{"name": "l", "port": "80"}]}, "spec.listeners[0].port"),
        (kinds.HTTP_ROUTE, {"rules": [{"filters": [{}]}]}, "spec.rules[0].filters[0]"),
        (kinds.TLS_ROUTE, {"hostnames": "a.com"}, "spec.hostnames"),
        (kinds.BACKEND_TLS_POLICY, {"targetRefs": [], "validation": {}}, "spec.validation"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_by_its_field(kind: Kind, spec: dict[str, Any], field: str) -> None:
    with pytest.raises(kinds.DecodeError) as caught:
        of(kind, spec)
    assert caught.value.field == field


def test_features_are_claimed_once_and_in_order() -> None:
    assert list(features.SUPPORTED) == sorted(set(features.SUPPORTED))
    assert not [name for name in features.SUPPORTED if name.startswith("Mesh")]
