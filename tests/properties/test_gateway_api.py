"""Whatever is written into an object of the Gateway API: the rest is served, and the object is told what is wrong.

Each mutated object takes the place of the valid one in a world that goes on, and then the valid one comes back.
"""

from __future__ import annotations

import functools
import random
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources import kinds
from sealos_gateway.resources.gateway_api.meta import GROUP
from sealos_gateway.resources.kinds import DecodeError, Kind
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.settings import GatewayApiSettings, Settings
from tests import mutations, objects
from tests.mutations import Object
from tests.translate import gateways

PORT = 8100
SUBJECTS = mutations.subjects(*range(PORT, PORT + 5))


def kind_of(one: Object) -> Kind:
    return kinds.BY_NAME[one["apiVersion"], one["kind"]]


def put(made: Pipeline, one: Object) -> None:
    row = kinds.from_builtins(kind_of(one), one)
    made.put(kind_of(one), row.ref, row)
    made.settle()


@functools.cache
def world() -> tuple[Pipeline, dict[tuple[str, str], bytes]]:
    """Everything valid, and what is served then."""
    made = objects.pipeline(
        objects.service("web"), objects.slice_of("web", "10.0.0.1"), objects.service("tls"), gateways.secret(),
        settings=gateways.SETTINGS,
    )  # fmt: skip
    for one in (*mutations.world(PORT - 10), *SUBJECTS):
        put(made, one)
    return made, objects.contents(made)


def witness(made: Pipeline) -> dict[tuple[str, str], bytes]:
    """All that the good Gateway serves."""
    name = f"/{PORT - 10}"
    found = {key: body for key, body in objects.contents(made).items() if name in key[1]}
    assert len(found) >= 2
    return found


def told(made: Pipeline, one: Object) -> list[Any]:
    """Every condition of an object's status, wherever in it."""
    status = made.gateway_statuses[kind_of(one)].get(kinds.from_builtins(kind_of(one), one).ref)
    parts = (getattr(status, "listeners", ()), getattr(status, "parents", ()), getattr(status, "ancestors", ()))
    found = [*getattr(status, "conditions", ())]
    return found + [it for part in parts for entry in part for it in entry.conditions]


def serves(made: Pipeline, one: Object) -> bool:
    """Whether anything of it is served: a host or a listener that names it, or a backend that it guards."""
    origin = Origin(one["kind"], kinds.from_builtins(kind_of(one), one).ref)
    if origin.kind in ("Gateway", "ListenerSet"):
        placed = made.routes.placed if origin.kind == "Gateway" else made.routes.set_placed
        return bool(placed.get(origin.ref) or made.gateway_api.attached_sets.get(origin.ref))
    attached = made.routes.attached[origin.kind].get(origin.ref)
    return bool(attached and attached.claims)


def is_ours(made: Pipeline, one: Object) -> bool:
    """Whether it names a Gateway or a class of ours, so that we have to say something."""
    kind, row = kind_of(one), kinds.from_builtins(kind_of(one), one)
    if kind == kinds.GATEWAY:
        return made.planes.rows.get(row.ref) is not None
    if kind == kinds.LISTENER_SET:
        return made.gateway_api.set_claims.get(row.ref) is not None
    if kind in kinds.ROUTES:
        return made.routes.attached[kind.name].get(row.ref) is not None
    return False


def parents_of(one: Object) -> list[Any]:
    """The references to parents as they are read; those of a Gateway to its class do not count."""
    row = kinds.from_builtins(kind_of(one), one)
    spec: Any = getattr(row, "spec", None)
    return [spec.parent_ref] if kind_of(one) == kinds.LISTENER_SET else list(getattr(spec, "parent_refs", ()))


def names_nobody(one: Object) -> bool:
    """Whether a route has no parent that we could know."""
    known = [it for it in parents_of(one) if (it.group, it.kind) in [(GROUP, "Gateway"), (GROUP, "ListenerSet")]]
    return kind_of(one) != kinds.GATEWAY and not known


def names_elsewhere(one: Object) -> bool:
    """Whether what it names may be there without being read."""
    return any(it.namespace not in (None, "", mutations.SPACE) for it in parents_of(one))


def guards(made: Pipeline, one: Object) -> bool:
    """Whether a BackendTLSPolicy has the say at every one of its targets, with something to check them by."""
    ref = kinds.from_builtins(kinds.BACKEND_TLS_POLICY, one).ref
    demand, outcomes = made.backend_tls.demands.get(ref), made.backend_tls.outcomes.get(ref)
    return bool(demand and demand.tls and outcomes and all(it.flaw is None for it in outcomes))


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SUBJECTS), st.randoms(use_true_random=False))
@pytest.mark.timeout(60)
def test_a_mutated_object_hurts_nobody_and_is_told(one: Object, chance: random.Random) -> None:
    made, before = world()
    good = witness(made)
    changed = mutations.mutated(one, chance)
    try:
        kinds.from_builtins(kind_of(changed), changed)
    except DecodeError:
        return  # a problem of the object with its field, before it gets here
    try:
        put(made, changed)
        assert made.graph.failures == {}
        assert witness(made) == good
        problems = [it for it in made.problems() if it.origin.kind == one["kind"]]
        assert all(it.message and it.reason for it in problems)
        if is_ours(made, changed):
            conditions = told(made, changed)
            assert conditions
            assert all(it.reason and it.message for it in conditions)
            if not serves(made, changed):
                assert any(it.status == "False" or it.type == "PartiallyInvalid" for it in conditions)
        elif kind_of(changed) in (kinds.GATEWAY, kinds.LISTENER_SET, *kinds.ROUTES):
            assert names_nobody(changed) or names_elsewhere(changed) or problems
        if kind_of(changed) == kinds.BACKEND_TLS_POLICY and not guards(made, changed):
            assert problems or not changed["spec"].get("targetRefs")
    finally:
        put(made, one)
    assert objects.contents(made) == before


PROFILE: Object = {
    "workload": "Deployment", "replicas": 2, "image": "mine:2", "imagePullPolicy": "Always", "imagePullSecrets": ["a"],
    "concurrency": 2, "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}, "graceSeconds": 60,
    "nodeSelector": {"pool": "edge"}, "tolerations": [{"key": "k", "operator": "Exists"}], "hostNetwork": True,
    "affinity": {"nodeAffinity": {}}, "topologySpreadConstraints": [{"maxSkew": 1}], "priorityClassName": "high",
    "preStopSeconds": 5, "service": {"type": "NodePort", "annotations": {"a": "b"}, "loadBalancerClass": "c",
                                     "externalTrafficPolicy": "Local", "addresses": ["192.0.2.7"]},
}  # fmt: skip


@functools.cache
def provisioned() -> Pipeline:
    """Two Gateways with data planes of their own, one of them with a profile."""
    made = objects.pipeline(settings=Settings(gateway_api=GatewayApiSettings(control="control.system.svc")))
    gateway_class, good, _ = mutations.world(PORT)
    reference = {"group": "gateway.sealos.io", "kind": "GatewayProfile", "name": "odd"}
    listeners = [{"name": "http", "port": PORT, "protocol": "HTTP"}]
    shaped = {"gatewayClassName": "sealos", "listeners": listeners, "infrastructure": {"parametersRef": reference}}
    for one in (gateway_class, good, mutations.of("Gateway", "shaped", shaped)):
        put(made, one)
    return made


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False))
@pytest.mark.timeout(60)
def test_a_mutated_profile_hurts_nobody_and_is_told(chance: random.Random) -> None:
    made, version = provisioned(), "gateway.sealos.io/v1alpha1"
    good = made.provision.infrastructure.get(Ref(mutations.SPACE, "good"))
    assert good is not None
    changed = mutations.mutated(mutations.of("GatewayProfile", "odd", PROFILE, version=version), chance)
    try:
        put(made, changed)
    except DecodeError:
        return  # a problem of the object with its field, before it gets here
    try:
        assert made.graph.failures == {}
        assert made.provision.infrastructure.get(Ref(mutations.SPACE, "good")) == good
        shaped = made.provision.infrastructure.get(Ref(mutations.SPACE, "shaped"))
        assert shaped is not None
        assert {it.kind.name for it in shaped.objects} >= {"Service", "ConfigMap", "ServiceAccount"}
    finally:
        made.drop(kinds.GATEWAY_PROFILE, Ref(mutations.SPACE, "odd"))
        made.settle()
    status = made.gateway_statuses[kinds.GATEWAY].get(Ref(mutations.SPACE, "shaped"))
    assert status is not None
    assert status.conditions[0].reason == "InvalidParameters"
