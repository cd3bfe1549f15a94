"""Objects as they arrive: JSON and plain values become the same structs, and what does not fit is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sealos_gateway.resources import core, ingress, kinds
from sealos_gateway.resources.kinds import DecodeError
from sealos_gateway.resources.meta import Metadata, Origin, Ref

FULL: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {
        "name": "web", "namespace": "shop", "creationTimestamp": "2020-01-01T00:00:00Z", "resourceVersion": "7",
        "generation": 2, "managedFields": [{"manager": "kubectl"}],
        "annotations": {"sealos.io/a": "b", "example.com/c": "d", "kubectl.kubernetes.io/last": "{}"},
        "labels": {"l": "m"},
    },
    "spec": {
        "ingressClassName": "sealos",
        "defaultBackend": {"resource": {"apiGroup": "x", "kind": "Bucket", "name": "b"}},
        "tls": [{"hosts": ["a.com"], "secretName": "cert"}],
        "rules": [{
            "host": "a.com",
            "http": {"paths": [{
                "path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}},
            }]},
        }],
    },
    "status": {"loadBalancer": {}},
}  # fmt: skip


def test_json_and_plain_values_are_the_same_object() -> None:
    found = kinds.from_json(kinds.INGRESS, json.dumps(FULL).encode())
    assert found == kinds.from_builtins(kinds.INGRESS, FULL)
    assert isinstance(found, ingress.Ingress)
    assert found.ref == Ref("shop", "web")
    assert found.metadata.annotation("sealos.io/a") == "b"
    assert found.metadata.annotations == {"sealos.io/a": "b"}  # others are not kept in memory
    assert found.spec.tls == (ingress.IngressTls(("a.com",), "cert"),)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"rules": [{"host": 5}]}, "spec.rules[0].host"),
        ({"rules": [{"http": {"paths": [{"path": "/"}]}}]}, "spec.rules[0].http.paths[0]"),
        ({"rules": {}}, "spec.rules"),
        ({"tls": [{"hosts": "a.com"}]}, "spec.tls[0].hosts"),
        (
            {"defaultBackend": {"service": {"name": "x", "port": {"number": "80"}}}},
            "spec.defaultBackend.service.port.number",
        ),
        (5, "spec"),
    ],
)
def test_what_does_not_fit_is_named_by_its_field(spec: Any, field: str) -> None:
    data = {"metadata": {"name": "web"}, "spec": spec}
    with pytest.raises(DecodeError) as first:
        kinds.from_builtins(kinds.INGRESS, data)
    with pytest.raises(DecodeError) as second:
        kinds.from_json(kinds.INGRESS, json.dumps(data).encode())
    for caught in (first, second):
        assert caught.value.field == field
        assert field in str(caught.value)


def test_an_object_that_is_none_at_all() -> None:
    with pytest.raises(DecodeError) as caught:
        kinds.from_builtins(kinds.INGRESS, [])
    assert caught.value.field == ""


def test_annotations_must_be_text() -> None:
    with pytest.raises(DecodeError, match="annotations"):
        kinds.from_builtins(kinds.INGRESS, {"metadata": {"name": "x", "annotations": {"sealos.io/ssl-redirect": True}}})


def test_secrets_are_decoded_and_never_print() -> None:
    found = kinds.from_builtins(kinds.SECRET, {"metadata": {"name": "s"}, "data": {"k": "c2VjcmV0"}})
    assert isinstance(found, core.Secret)
    assert found.value("k") == b"secret"
    assert found.value("other") is None
    assert "secret" not in repr(found).lower().replace("secret(", "")


def test_string_data_wins() -> None:
    found = core.Secret(Metadata("s"), data={"k": b"old"}, string_data={"k": "new"})
    assert found.value("k") == b"new"


@pytest.mark.parametrize("labels", [None, core.SliceLabels()])
def test_a_slice_without_the_label_belongs_to_no_service(labels: core.SliceLabels | None) -> None:
    assert core.EndpointSlice(core.SliceMetadata("s", "shop", labels=labels)).service is None


def test_a_slice_belongs_to_the_service_its_label_names() -> None:
    data = {"metadata": {"name": "s", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web", "x": "y"}}}
    found = kinds.from_builtins(kinds.ENDPOINT_SLICE, data)
    assert isinstance(found, core.EndpointSlice)
    assert found.service == Ref("shop", "web")


def test_kinds_are_found_by_what_manifests_say() -> None:
    assert kinds.BY_NAME["networking.k8s.io/v1", "Ingress"] is kinds.INGRESS
    assert kinds.BY_NAME["v1", "Service"] is kinds.SERVICE
    assert kinds.BY_NAME["gateway.networking.k8s.io/v1beta1", "ReferenceGrant"] is kinds.REFERENCE_GRANT
    assert len(kinds.ALL) == len({kind.struct for kind in kinds.ALL})
    assert len(kinds.BY_NAME) == sum(1 + len(kind.also) for kind in kinds.ALL)


def test_how_objects_are_called() -> None:
    assert str(Origin("Ingress", Ref("shop", "web"))) == "Ingress shop/web"
    assert str(Origin("IngressClass", Ref("", "sealos"))) == "IngressClass sealos"
