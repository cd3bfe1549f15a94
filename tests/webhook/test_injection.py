"""The patch for a pod: what asks gets it, what does not is left alone, and what cannot have it is told why."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sealos_gateway.webhook import injection
from sealos_gateway.webhook.injection import Object, RefusedError, Sidecar

ASKED = "sealos.io/sidecar"
SIDECAR = Sidecar(
    container={
        "name": "sealos-gateway",
        "image": "gateway",
        "ports": [{"containerPort": 8080}, {"containerPort": 8001}],
    },
    volumes=[{"name": "sealos-gateway-state", "emptyDir": {}}],
    annotations={"sealos.io/sidecar-settings": "a: b"},
    accounts=["shop/web"],
)


def pod(annotations: dict[str, str] | None = None, **spec: object) -> Object:
    whole = {"serviceAccountName": "web", "containers": [{"name": "app"}], **spec}
    return {"metadata": {"name": "p", **({"annotations": annotations} if annotations else {})}, "spec": whole}


def asking(**spec: object) -> Object:
    return pod({ASKED: "true"}, **spec)


def patched(before: Object, sidecar: Sidecar = SIDECAR) -> Object:
    """The pod after the patch, by a JSON Patch of the few operations that are used (RFC 6902)."""
    after = copy.deepcopy(before)
    for operation in injection.patch(before, "shop", sidecar):
        assert operation["op"] == "add"
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        place: Any = after
        for part in path:
            place = place[part]
        if isinstance(place, list):
            place.insert(len(place) if last == "-" else int(last), operation["value"])
        else:
            place[last] = operation["value"]
    return after


@pytest.mark.parametrize("annotations", [None, {}, {ASKED: "false"}, {"other": "true"}])
def test_a_pod_that_does_not_ask_is_left_alone_whatever_it_looks_like(annotations: dict[str, str] | None) -> None:
    odd = pod(annotations, hostNetwork=True, containers=[{"name": "sealos-gateway"}])
    assert injection.patch(odd, "kube-system", SIDECAR) == []
    assert injection.patch({}, "", SIDECAR) == []


def test_a_pod_that_asks_gets_container_volumes_and_annotations() -> None:
    after = patched(asking())
    assert after["spec"]["initContainers"] == [SIDECAR.container]
    assert after["spec"]["containers"] == [{"name": "app"}]
    assert after["spec"]["volumes"] == SIDECAR.volumes
    assert after["metadata"]["annotations"] == {
        ASKED: "true",
        "sealos.io/sidecar-settings": "a: b",
        "sealos.io/sidecar-injected": "sealos-gateway",
    }


def test_it_comes_before_other_init_containers_and_after_other_volumes() -> None:
    after = patched(asking(initContainers=[{"name": "first"}], volumes=[{"name": "data"}]))
    assert [one["name"] for one in after["spec"]["initContainers"]] == ["sealos-gateway", "first"]
    assert [one["name"] for one in after["spec"]["volumes"]] == ["data", "sealos-gateway-state"]


def test_asking_again_changes_nothing() -> None:
    """The API server asks again when another webhook has changed the pod."""
    assert injection.patch(patched(asking()), "shop", SIDECAR) == []


def test_a_sidecar_without_volumes_adds_none() -> None:
    assert "volumes" not in patched(asking(), Sidecar(container={"name": "s"}, accounts=["shop/web"]))["spec"]


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (pod({ASKED: "yes"}), "neither \"true\" nor \"false\""),
        (pod({ASKED: "True"}), "metadata.annotations[sealos.io/sidecar]"),
        (asking(hostNetwork=True), "spec.hostNetwork"),
        (asking(serviceAccountName="other"), "shop/other may not be a node"),
        (asking(serviceAccountName=""), "shop/default may not be a node"),
        (asking(containers=[{"name": "sealos-gateway"}]), "another container is called sealos-gateway"),
        (asking(initContainers=[{"name": "sealos-gateway"}]), "another container is called sealos-gateway"),
        (asking(volumes=[{"name": "sealos-gateway-state"}]), "spec.volumes: sealos-gateway-state"),
        (asking(containers=[{"name": "app", "ports": [{"containerPort": 8080}]}]), "spec.containers[app].ports: 8080"),
    ],
)  # fmt: skip
def test_a_pod_that_cannot_have_it_is_told_field_and_remedy(found: Object, told: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        injection.patch(found, "shop", SIDECAR)
    assert told in str(refusal.value)


def test_the_same_number_of_another_protocol_is_no_collision() -> None:
    assert patched(asking(containers=[{"name": "dns", "ports": [{"containerPort": 8080, "protocol": "UDP"}]}]))


def test_nobody_may_have_it_when_nobody_is_listed() -> None:
    with pytest.raises(RefusedError, match="allows nobody"):
        injection.patch(asking(), "shop", Sidecar(container={"name": "s"}))
