"""A plan as Kubernetes objects: ServiceAccount, ConfigMap, Deployment or DaemonSet, Service."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from sealos_gateway.provision import names
from sealos_gateway.provision.plan import Options, Plan, Port
from sealos_gateway.resources import kinds, owned
from sealos_gateway.resources.gateway_api.meta import GROUP
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref

Object = dict[str, Any]

_USER: Final = 65532
_STATE: Final = "/var/lib/sealos-gateway"
_CONFIG: Final = "/etc/sealos-gateway"
_TOKEN: Final = "/var/run/secrets/sealos-gateway"
_TOKEN_SECONDS: Final = 3600
#: Where probes ask. A listener may have any port, so it moves out of their way.
_STATUS_PORT: Final = 18_002
#: Longer than Envoy drains, so that nothing is cut.
_GRACE_MARGIN: Final = 10


class Wanted(NamedTuple):
    """One object to be applied; `applied` tells whether what is there is that."""

    kind: Kind
    ref: Ref
    applied: str
    body: bytes


def wanted(plan: Plan, options: Options) -> tuple[Wanted, ...]:
    """All objects of one data plane."""
    return tuple(_wanted(kind, plan, found) for kind, found in _objects(plan, options))


def _objects(plan: Plan, options: Options) -> Iterator[tuple[Kind, Object]]:
    yield kinds.OWNED_SERVICE_ACCOUNT, {"automountServiceAccountToken": False}
    yield kinds.OWNED_CONFIG_MAP, {"data": _config(plan, options)}
    if plan.profile.workload == "DaemonSet":
        yield kinds.OWNED_DAEMON_SET, {"spec": _workload(plan, options)}
    else:
        replicas = {} if plan.profile.replicas is None else {"replicas": plan.profile.replicas}
        strategy = {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
        if plan.profile.host_network:  # two pods cannot have the same ports of one node
            strategy = {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
        yield kinds.OWNED_DEPLOYMENT, {"spec": {**replicas, "strategy": strategy, **_workload(plan, options)}}
    if plan.ports:  # a Service without ports is not allowed
        yield kinds.OWNED_SERVICE, _service(plan)


def _wanted(kind: Kind, plan: Plan, content: Object) -> Wanted:
    name = names.resource(plan.gateway.name, plan.class_name)
    metadata = {"name": name, "namespace": plan.gateway.namespace, **_described(plan)}
    extra = content.pop("annotations", None)
    if extra:
        metadata["annotations"] = {**extra, **metadata["annotations"]}
    owner = {"apiVersion": f"{GROUP}/v1", "kind": "Gateway", "name": plan.gateway.name, "uid": plan.uid}
    metadata["ownerReferences"] = [{**owner, "controller": True, "blockOwnerDeletion": False}]
    body = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **content}
    applied = hashlib.blake2b(msgspec.json.encode(body, order="sorted"), digest_size=8).hexdigest()
    metadata["annotations"] = {**metadata["annotations"], owned.APPLIED: applied}
    return Wanted(kind, Ref(plan.gateway.namespace, name), applied, msgspec.json.encode(body))


def _described(plan: Plan) -> Object:
    """Labels and annotations: those of the Gateway's `spec.infrastructure`, and ours, which nobody overrides."""
    ours = names.labels(plan.gateway.name, plan.class_name)
    return {"labels": {**dict(plan.labels), **ours}, "annotations": dict(plan.annotations)}


def _config(plan: Plan, options: Options) -> Object:
    """What a node reads: its settings, and whom it trusts."""
    node = {
        "control": options.control,
        "gateway": names.plane(plan.gateway),
        "ca_file": f"{_CONFIG}/ca.crt",
        "token_file": f"{_TOKEN}/token",
    }
    settings: dict[str, Any] = {
        "control": {"xds_port": options.xds_port, "enrol_port": options.enrol_port},
        "node": node,
        "envoy": {"concurrency": plan.profile.concurrency, "drain_seconds": plan.profile.grace_seconds},
        "status_address": "0.0.0.0",
        "status_port": status_port(plan.ports),
        "state_dir": _STATE,
    }
    for group, key, value in options.settings:
        settings.setdefault(group, {}).setdefault(key, value)
    authority = {"ca.crt": plan.authority} if plan.authority else {}
    return {"settings.yaml": msgspec.json.encode(settings).decode(), **authority}  # JSON is YAML


def status_port(ports: tuple[Port, ...]) -> int:
    """A port that no listener has."""
    taken = {port.number for port in ports}
    return next(number for number in range(_STATUS_PORT, 65_536) if number not in taken)


def _workload(plan: Plan, options: Options) -> Object:
    chosen = names.selector(plan.gateway.name)
    described = _described(plan)
    template = {"metadata": described, "spec": _pod(plan, options)}
    return {"selector": {"matchLabels": chosen}, "template": template}


def _pod(plan: Plan, options: Options) -> Object:
    profile = plan.profile
    name = names.resource(plan.gateway.name, plan.class_name)
    token = {"audience": options.token_audience, "expirationSeconds": _TOKEN_SECONDS, "path": "token"}
    pod: Object = {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": profile.pre_stop_seconds + profile.grace_seconds + _GRACE_MARGIN,
        "securityContext": _pod_security(plan),
        "containers": [_container(plan, options)],
        "volumes": [
            {"name": "config", "configMap": {"name": name}},
            {"name": "token", "projected": {"sources": [{"serviceAccountToken": token}]}},
            {"name": "state", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {"medium": "Memory"}},
        ],
    }
    optional = {
        "nodeSelector": profile.node_selector,
        "tolerations": list(profile.tolerations),
        "affinity": profile.affinity,
        "topologySpreadConstraints": list(profile.topology_spread_constraints),
        "priorityClassName": profile.priority_class_name,
        "imagePullSecrets": [{"name": secret} for secret in profile.image_pull_secrets],
    }
    pod |= {key: value for key, value in optional.items() if value}
    if profile.host_network:
        pod |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    return pod


def _pod_security(plan: Plan) -> Object:
    """Listeners have ports below 1024. In a network of its own a pod may allow those to everybody."""
    if plan.profile.host_network:
        return {"seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "runAsNonRoot": True,
        "runAsUser": _USER,
        "runAsGroup": _USER,
        "fsGroup": _USER,
        "seccompProfile": {"type": "RuntimeDefault"},
        "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}],
    }


def _container(plan: Plan, options: Options) -> Object:
    profile = plan.profile
    port = status_port(plan.ports)
    # On the network of the node only root may listen below 1024, and of root's rights only that one is kept.
    low_ports = {"add": ["NET_BIND_SERVICE"]} if profile.host_network else {}
    resources = {
        key: value
        for key, value in (("requests", profile.resources.requests), ("limits", profile.resources.limits))
        if value
    }
    ending = {"preStop": {"exec": {"command": ["sleep", str(profile.pre_stop_seconds)]}}}
    return {
        "name": "node",
        "image": profile.image or options.image,
        "imagePullPolicy": profile.image_pull_policy,
        "args": ["node", "--config", f"{_CONFIG}/settings.yaml", *(["--log-json"] if options.log_json else [])],
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": port}, "periodSeconds": 2, "failureThreshold": 2},
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": port},
            "initialDelaySeconds": 30, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6,
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], **low_ports},
        },
        "volumeMounts": [
            {"name": "config", "mountPath": _CONFIG, "readOnly": True},
            {"name": "token", "mountPath": _TOKEN, "readOnly": True},
            {"name": "state", "mountPath": _STATE},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
        **({"lifecycle": ending} if profile.pre_stop_seconds else {}),
        **({"resources": resources} if resources else {}),
    }  # fmt: skip


def _service(plan: Plan) -> Object:
    profile = plan.profile.service
    spec: Object = {
        "type": profile.type,
        "selector": names.selector(plan.gateway.name),
        "ports": [
            {
                "name": f"{port.protocol.lower()}-{port.number}",
                "port": port.number,
                "targetPort": port.number,
                "protocol": port.protocol,
            }
            for port in plan.ports
        ],
    }
    if profile.type == "ClusterIP":
        spec |= {"clusterIP": plan.address} if plan.address else {}
    else:
        spec["externalTrafficPolicy"] = profile.external_traffic_policy
    if profile.type == "LoadBalancer":
        spec |= {"loadBalancerClass": profile.load_balancer_class} if profile.load_balancer_class else {}
        spec |= {"loadBalancerIP": plan.address} if plan.address else {}
    return {"spec": spec, "annotations": profile.annotations}
