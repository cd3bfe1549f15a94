"""The page about policies has every field with an example, and every example is right."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import yaml

from sealos_gateway import policy_reference
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref, Resource
from sealos_gateway.resources.policies import examples
from tests import objects
from tests.translate import gateways
from tests.translate.gateways import listener, made

EXAMPLES = {
    kinds.TRAFFIC_POLICY: examples.TRAFFIC,
    kinds.SECURITY_POLICY: examples.SECURITY,
    kinds.BACKEND_POLICY: examples.BACKEND,
}
EACH = [(kind, name) for kind, several in EXAMPLES.items() for name in several]


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.name)
def test_every_field_has_an_example(kind: Kind) -> None:
    (spec,) = (field.type for field in msgspec.structs.fields(kind.struct) if field.name == "spec")
    assert [field.encode_name for field in msgspec.structs.fields(spec)] == list(EXAMPLES[kind])


@pytest.mark.parametrize(("kind", "name"), EACH, ids=lambda it: getattr(it, "name", it))
def test_an_example_means_what_it_shows(kind: Kind, name: str) -> None:
    """It can be read, and changes something; only what it refers to may be missing."""
    target = yaml.safe_load(EXAMPLES[kind]["targetRefs"])["targetRefs"]
    if name == "clientTLS":
        target = [{"group": "networking.k8s.io", "kind": "Ingress", "name": "old"}]
    example: dict[str, Any] = {"targetRefs": target, **yaml.safe_load(EXAMPLES[kind][name])}
    assert list(example) in (["targetRefs"], ["targetRefs", name])
    pipeline = world(kinds.from_builtins(kind, {"metadata": {"name": "p", "namespace": "shop"}, "spec": example}))
    said = pipeline.own_policies.said[kind.name].get(Ref("shop", "p"))
    assert said is not None
    assert said.invalid == () or (kind, name) == (kinds.SECURITY_POLICY, "targetRefs")  # that protects nothing
    missing = {fault.reason for fault in said.unresolved}
    assert missing <= {"BackendNotFound", "InvalidSecret", "InvalidCACertificateRef", "RefNotPermitted", "NoCollector"}
    if not missing and name != "targetRefs":
        assert said.fields or said.route_fields or said.client_tls


def world(policy: Resource) -> Pipeline:
    rule = {"name": "api", "backendRefs": [{"name": "web", "port": 80}]}
    return objects.pipeline(
        gateways.gateway_class(), gateways.gateway(listener("web", 8000), name="public"), objects.service(),
        made(kinds.HTTP_ROUTE, "web", parentRefs=[{"name": "public"}], rules=[rule]),
        objects.ingress("old", objects.rule("old.test", objects.path("/"))), policy, settings=gateways.SETTINGS,
    )  # fmt: skip


def test_fields_of_fields_and_what_they_may_be_are_shown() -> None:
    page = policy_reference.page()
    assert "| `attempts` | 0 to 10 | `2` |" in page
    assert "| `[].requests` | 1 to 1000000 | required |" in page
    assert "| `active.interval` | a duration as `1m30s` | `10s` |" in page
    assert "| `cookie.name` | text | required |" in page
    assert "Values: `GRPC`, `GRPCS`, `H2C`, `HTTP`, `HTTPS`." in page
    assert "### `clientTLS`" in page
