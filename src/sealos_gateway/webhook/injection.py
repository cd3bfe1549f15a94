"""What has to be added to a pod so that it has a node of its own. Pure: values in, a JSON Patch (RFC 6902) out.

The sidecar is a native one: an init container that restarts always, so it is there before the first container of the
pod, ends after the last, and does not keep a Job from completing. It comes first, so that other init containers have
it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

import msgspec

from sealos_gateway.resources.annotations import pods

Object = dict[str, Any]
Operation = dict[str, Any]

ASKED: Final = pods.SIDECAR.name
#: Says that the sidecar in a pod is ours, so that asking a second time changes nothing.
INJECTED: Final = "sealos.io/sidecar-injected"


class RefusedError(Exception):
    """The pod asked for a sidecar and cannot have it; the message names the field and what to do."""


class Sidecar(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Parts of a pod, in the words of Kubernetes.

    `accounts` are the service accounts (as namespace/name) that may be nodes. `annotations` are set on the pod, so that
    its volumes can show them as files: a ConfigMap of another namespace could not be mounted.
    """

    container: Object
    volumes: list[Object] = []
    annotations: dict[str, str] = {}
    accounts: list[str] = []

    @property
    def name(self) -> str:
        return str(self.container["name"])


def patch(pod: Object, namespace: str, sidecar: Sidecar) -> list[Operation]:
    """Nothing for a pod that does not ask, or that has it already. Raises RefusedError."""
    annotations = pod.get("metadata", {}).get("annotations") or {}
    if not _asks(annotations.get(ASKED)) or annotations.get(INJECTED) == sidecar.name:
        return []
    spec = pod.get("spec", {})
    _check(spec, namespace, sidecar)
    added = {**sidecar.annotations, INJECTED: sidecar.name}
    return [
        *_into_list(spec, "initContainers", [sidecar.container], first=True),
        *_into_list(spec, "volumes", sidecar.volumes),
        *_into_annotations(pod, added),
    ]


def _asks(value: str | None) -> bool:
    if value in (None, "false"):
        return False
    if value == "true":
        return True
    raise RefusedError(f'metadata.annotations[{ASKED}]: {value!r} is neither "true" nor "false"')


def _check(spec: Object, namespace: str, sidecar: Sidecar) -> None:
    if spec.get("hostNetwork"):
        raise RefusedError(
            f"spec.hostNetwork: a pod on the node's network cannot have a sidecar, as its ports would be the node's; "
            f"remove the annotation {ASKED}, or run the gateway in mode daemonset"
        )
    account = f"{namespace}/{spec.get('serviceAccountName') or 'default'}"
    if account not in sidecar.accounts:
        known = ", ".join(sidecar.accounts) or "nobody"
        raise RefusedError(
            f"spec.serviceAccountName: {account} may not be a node of the gateway, which reads every certificate; "
            f"the chart's sidecar.accounts allows {known}"
        )
    containers = [*spec.get("initContainers", []), *spec.get("containers", [])]
    if any(one.get("name") == sidecar.name for one in containers):
        raise RefusedError(f"spec.containers: another container is called {sidecar.name}; give it another name")
    taken = {name for name in _names(sidecar.volumes) if name in _names(spec.get("volumes", []))}
    if taken:
        raise RefusedError(f"spec.volumes: {', '.join(sorted(taken))} is a name that the sidecar needs; choose another")
    _check_ports(containers, sidecar)


def _check_ports(containers: list[Object], sidecar: Sidecar) -> None:
    """Only what is declared can be seen; a port that is not declared fails when the sidecar starts."""
    ours = {port for port, _ in _ports(sidecar.container)}
    for one in containers:
        for port, protocol in _ports(one):
            if protocol == "TCP" and port in ours:
                raise RefusedError(
                    f"spec.containers[{one.get('name')}].ports: {port} is a port of the sidecar; let the application "
                    "listen on another, or change gateway.ports or status.port of the chart"
                )


def _ports(container: Object) -> Iterator[tuple[int, str]]:
    for port in container.get("ports", []):
        yield port.get("containerPort", 0), port.get("protocol", "TCP")


def _names(volumes: Collection[Object]) -> set[str]:
    return {str(volume.get("name")) for volume in volumes}


def _into_list(spec: Object, field: str, items: list[Object], first: bool = False) -> Iterator[Operation]:
    if not items:
        return
    if not spec.get(field):
        yield {"op": "add", "path": f"/spec/{field}", "value": items}
        return
    for item in items:
        yield {"op": "add", "path": f"/spec/{field}/{'0' if first else '-'}", "value": item}


def _into_annotations(pod: Object, added: dict[str, str]) -> Iterator[Operation]:
    if not pod.get("metadata", {}).get("annotations"):
        yield {"op": "add", "path": "/metadata/annotations", "value": added}
        return
    for name, value in added.items():
        escaped = name.replace("~", "~0").replace("/", "~1")
        yield {"op": "add", "path": f"/metadata/annotations/{escaped}", "value": value}
