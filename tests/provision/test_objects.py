"""What is made for a Gateway: names, labels, owner; pods that are restricted; a Service for its ports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import yaml

from sealos_gateway import settings
from sealos_gateway.provision import objects
from sealos_gateway.provision.plan import Plan, Port
from sealos_gateway.resources.core import ConfigMap
from sealos_gateway.resources.meta import Metadata, Ref
from sealos_gateway.resources.profile import GatewayProfileSpec
from sealos_gateway.settings import Statistics
from tests.provision import gateways
from tests.provision.gateways import PROFILE, World

LABELS = {
    "app.kubernetes.io/managed-by": "sealos-gateway",
    "gateway.networking.k8s.io/gateway-name": "edge",
    "gateway.networking.k8s.io/gateway-class-name": "sealos",
}


def made(*resources: Any, **spec: Any) -> dict[str, dict[str, Any]]:
    return World(gateways.gateway_class(), gateways.gateway(**spec), *resources).wanted()


def with_profile(**profile: Any) -> dict[str, dict[str, Any]]:
    infrastructure = {"parametersRef": {**PROFILE, "name": "p"}}
    return made(gateways.profile(**profile), infrastructure=infrastructure)


def test_every_object_is_named_labelled_and_owned() -> None:
    found = made()
    assert set(found) == {"ServiceAccount", "ConfigMap", "Deployment", "Service"}
    for one in found.values():
        metadata = one["metadata"]
        assert (metadata["namespace"], metadata["name"]) == ("shop", "edge-sealos")
        assert metadata["labels"].items() >= LABELS.items()
        (owner,) = metadata["ownerReferences"]
        assert owner == {
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "name": "edge", "uid": "uid-edge",
            "controller": True, "blockOwnerDeletion": False,
        }  # fmt: skip


def test_nodes_log_in_the_form_of_their_control_plane() -> None:
    def arguments(world: World) -> list[str]:
        (container,) = world.wanted()["Deployment"]["spec"]["template"]["spec"]["containers"]
        return list(container["args"])

    plain = World(gateways.gateway_class(), gateways.gateway())
    assert arguments(plain) == ["node", "--config", "/etc/sealos-gateway/settings.yaml"]
    as_json = msgspec.structs.replace(gateways.OPTIONS, log_json=True)
    assert arguments(World(gateways.gateway_class(), gateways.gateway(), options=as_json))[-1] == "--log-json"


def test_labels_and_annotations_of_the_gateway_are_on_everything() -> None:
    found = made(infrastructure={"labels": {"team": "a"}, "annotations": {"note": "b"}})
    pods = found["Deployment"]["spec"]["template"]
    for metadata in (*(one["metadata"] for one in found.values()), pods["metadata"]):
        assert metadata["labels"]["team"] == "a"
        assert metadata["annotations"]["note"] == "b"


def test_a_gateway_cannot_take_our_labels() -> None:
    found = made(infrastructure={"labels": {"gateway.networking.k8s.io/gateway-name": "other"}})
    assert found["Deployment"]["metadata"]["labels"].items() >= LABELS.items()


def test_pods_are_chosen_by_what_never_changes() -> None:
    spec = made(infrastructure={"labels": {"team": "a"}})["Deployment"]["spec"]
    chosen = spec["selector"]["matchLabels"]
    assert set(chosen) == {"app.kubernetes.io/managed-by", "gateway.networking.k8s.io/gateway-name"}
    assert spec["template"]["metadata"]["labels"].items() >= chosen.items()
    assert made()["Service"]["spec"]["selector"] == chosen


def test_pods_have_few_rights_and_may_listen_on_low_ports() -> None:
    pod = made()["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"} in pod["securityContext"]["sysctls"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["automountServiceAccountToken"] is False


def test_nodes_know_their_control_plane_and_whom_to_trust() -> None:
    authority = ConfigMap(Metadata("authority", "system"), {"ca.crt": "PEM"})
    data = made(authority)["ConfigMap"]["data"]
    assert data["ca.crt"] == "PEM"
    config = yaml.safe_load(data["settings.yaml"])
    assert config["node"]["control"] == "control.system.svc"
    assert config["node"]["ca_file"] == "/etc/sealos-gateway/ca.crt"
    assert "ca.crt" not in made()["ConfigMap"]["data"]  # there is none yet


def test_nodes_have_the_settings_of_the_installation_below_those_of_the_profile(tmp_path: Path) -> None:
    given = (
        ("envoy", "statistics", "full"), ("envoy", "concurrency", 9), ("tls", "max_secrets", 7),
        ("ingress", "cluster_domain", "c.test"),
    )  # fmt: skip
    options = msgspec.structs.replace(gateways.OPTIONS, settings=given)
    plan = Plan(Ref("shop", "edge"), "uid", "sealos", (Port(80),), GatewayProfileSpec())
    (body,) = (it.body for it in objects.wanted(plan, options) if it.kind.name == "ConfigMap")
    file = tmp_path / "settings.yaml"
    file.write_text(json.loads(body)["data"]["settings.yaml"])
    read = settings.load(file)
    assert (read.ingress.cluster_domain, read.envoy.statistics) == ("c.test", Statistics.FULL)
    assert (read.envoy.concurrency, read.tls.max_secrets) == (plan.profile.concurrency, 7)


def test_a_service_for_the_ports() -> None:
    listeners = [
        {"name": "a", "port": 443, "protocol": "HTTPS"}, {"name": "b", "port": 443, "protocol": "TLS"},
        {"name": "c", "port": 53, "protocol": "UDP"}, {"name": "d", "port": 53, "protocol": "TCP"},
    ]  # fmt: skip
    spec = made(listeners=listeners)["Service"]["spec"]
    assert [(it["name"], it["port"], it["targetPort"], it["protocol"]) for it in spec["ports"]] == [
        ("tcp-53", 53, 53, "TCP"), ("udp-53", 53, 53, "UDP"), ("tcp-443", 443, 443, "TCP"),
    ]  # fmt: skip
    assert spec["type"] == "LoadBalancer"
    assert "loadBalancerIP" not in spec


def test_no_service_without_ports() -> None:
    assert "Service" not in made(listeners=[])


def test_another_listener_does_not_restart_pods() -> None:
    more = [{"name": "a", "port": 80, "protocol": "HTTP"}, {"name": "b", "port": 81, "protocol": "HTTP"}]
    assert made(listeners=more)["Deployment"] == made()["Deployment"]


def test_probes_get_out_of_the_way_of_a_listener() -> None:
    assert objects.status_port((Port(80),)) == 18002
    assert objects.status_port((Port(18002), Port(18003, "UDP"))) == 18004
    found = made(listeners=[{"name": "a", "port": 18002, "protocol": "HTTP"}])
    config = yaml.safe_load(found["ConfigMap"]["data"]["settings.yaml"])
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert config["status_port"] == container["readinessProbe"]["httpGet"]["port"] == 18003


def test_an_address_that_is_asked_for() -> None:
    assert made(addresses=[{}, {"value": "10.1.2.3"}])["Service"]["spec"]["loadBalancerIP"] == "10.1.2.3"


def test_a_profile_decides_how_it_runs() -> None:
    found = with_profile(
        replicas=3, image="mine:2", concurrency=4, graceSeconds=60, nodeSelector={"pool": "edge"},
        tolerations=[{"key": "k", "operator": "Exists"}], resources={"limits": {"memory": "1Gi"}},
        service={"type": "NodePort", "annotations": {"a": "b"}, "externalTrafficPolicy": "Local"},
    )  # fmt: skip
    spec = found["Deployment"]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert spec["replicas"] == 3
    assert container["image"] == "mine:2"
    assert container["resources"] == {"limits": {"memory": "1Gi"}}
    assert pod["nodeSelector"] == {"pool": "edge"}
    assert pod["tolerations"] == [{"key": "k", "operator": "Exists"}]
    config = yaml.safe_load(found["ConfigMap"]["data"]["settings.yaml"])
    assert (config["envoy"]["concurrency"], config["envoy"]["drain_seconds"]) == (4, 60)
    assert pod["terminationGracePeriodSeconds"] > config["envoy"]["drain_seconds"]
    service = found["Service"]
    assert service["spec"]["type"] == "NodePort"
    assert service["spec"]["externalTrafficPolicy"] == "Local"
    assert service["metadata"]["annotations"]["a"] == "b"
    assert "a" not in found["Deployment"]["metadata"]["annotations"]


def test_a_pod_that_ends_answers_until_proxies_have_heard_of_it() -> None:
    pod = made()["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["lifecycle"] == {"preStop": {"exec": {"command": ["sleep", "10"]}}}
    assert pod["terminationGracePeriodSeconds"] > 10 + 30
    (container,) = with_profile(preStopSeconds=0)["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert "lifecycle" not in container


def test_without_replicas_an_autoscaler_decides() -> None:
    assert "replicas" not in made()["Deployment"]["spec"]


def test_one_pod_on_each_node_of_the_network_of_the_node() -> None:
    found = with_profile(workload="DaemonSet", hostNetwork=True)
    assert "Deployment" not in found
    pod = found["DaemonSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["hostNetwork"] is True
    assert "sysctls" not in pod["securityContext"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}
