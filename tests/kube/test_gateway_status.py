"""Status of Gateways and routes reaches the server, with what others wrote, and only when it differs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from sealos_gateway.kube.gateway_status import COUNTS_SECONDS, RETRY_SECONDS, GatewayStatus
from sealos_gateway.kube.writes import Writer
from sealos_gateway.resources import kinds
from sealos_gateway.resources.gateway_api.gateways import GatewayStatus as Wanted
from sealos_gateway.resources.gateway_api.gateways import GatewayStatusAddress, ListenerStatus
from sealos_gateway.resources.gateway_api.gateways import ListenerSetStatus as WantedSet
from sealos_gateway.resources.gateway_api.meta import Condition, ParentReference, ParentStatus, RouteStatus
from sealos_gateway.resources.gateway_api.policies import AncestorStatus, PolicyStatus
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref
from tests.fake_clock import FakeClock, eventually
from tests.fakes import FakeKube, Object
from tests.kube import cluster

OURS = "sealos.io/gateway-controller"
REF = Ref("shop", "web")
OTHER = {
    "parentRef": {"name": "edge"}, "controllerName": "example.com/other",
    "conditions": [{
        "type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }],
}  # fmt: skip


@pytest.fixture
def kube(kube: FakeKube) -> FakeKube:
    kube.absent.clear()
    return kube


class Running:
    def __init__(self, kube: FakeKube) -> None:
        self.kube = kube
        self.clock = FakeClock()
        self.api = cluster.client_of(kube, self.clock)
        self.writer = Writer(self.api, self.clock, lambda: True)
        self.status = GatewayStatus(self.writer, self.clock)
        self.rows: dict[tuple[Kind, Ref], Any] = {}
        self.status.bind(OURS, lambda kind, ref: self.rows.get((kind, ref)))

    def route(self, **status: Any) -> None:
        """A route as it is now, on the server and here."""
        metadata = {"name": REF.name, "namespace": REF.namespace, "generation": 1}
        made = self.kube.put("httproutes", {"metadata": metadata, "spec": {}, "status": status})
        self.heard(kinds.HTTP_ROUTE, made)

    def heard(self, kind: Kind, item: Object) -> None:
        """What a watch would bring."""
        row = kinds.from_builtins(kind, item)
        self.rows[kind, row.ref] = row
        self.status.changed(kind, row.ref, row)

    def there(self) -> list[Object]:
        found = self.kube.get("httproutes", *REF)
        parents: list[Object] = (found or {}).get("status", {}).get("parents", [])
        return parents

    def want(self, *conditions: Condition) -> None:
        wanted = RouteStatus((ParentStatus(ParentReference("edge"), OURS, conditions),))
        self.status.want(kinds.HTTP_ROUTE, REF, wanted)


def accepted(value: str = "True") -> Condition:
    return Condition("Accepted", value, "Accepted", "", 1)


@asynccontextmanager
async def running(kube: FakeKube) -> AsyncIterator[Running]:
    it = Running(kube)
    async with it.api, cluster.task(it.writer.run()), cluster.task(it.status.run()):
        yield it


async def test_our_entry_stands_beside_that_of_another(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.route(parents=[OTHER])
        it.want(accepted())
        await eventually(lambda: len(it.there()) == 2)
        assert it.there()[0] == OTHER
        assert it.there()[1]["controllerName"] == OURS
        assert it.there()[1]["conditions"][0]["lastTransitionTime"].endswith("Z")


async def test_what_is_there_is_not_written_again(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.route()
        it.want(accepted())
        await eventually(lambda: len(it.there()) == 1)
        found = kube.get("httproutes", *REF)
        assert found
        it.heard(kinds.HTTP_ROUTE, found)
        it.want(accepted())
        await eventually(lambda: not it.writer)
        assert len(kube.asked("status", "PATCH")) == 1


async def test_what_another_wrote_meanwhile_is_not_lost(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.route()
        found = kube.get("httproutes", *REF)
        assert found
        newer = kube.put("httproutes", found | {"status": {"parents": [OTHER]}})  # the watch is late
        it.want(accepted())
        await eventually(lambda: bool(kube.asked("status", "PATCH")) and not it.writer)
        assert it.there() == [OTHER]
        it.heard(kinds.HTTP_ROUTE, newer)
        await eventually(lambda: len(it.there()) == 2)
        assert it.status.problems == []


async def test_our_entry_goes_when_the_route_is_no_longer_ours(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.route(parents=[OTHER])
        it.want(accepted())
        await eventually(lambda: len(it.there()) == 2)
        found = kube.get("httproutes", *REF)
        assert found
        it.heard(kinds.HTTP_ROUTE, found)
        it.status.want(kinds.HTTP_ROUTE, REF, None)
        await eventually(lambda: it.there() == [OTHER])


async def test_what_we_wrote_last_goes_too_when_the_watch_is_late(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.route()
        it.want(accepted())
        await eventually(lambda: len(it.there()) == 1)
        it.status.want(kinds.HTTP_ROUTE, REF, None)  # nothing of ours is known to be there yet
        found = kube.get("httproutes", *REF)
        assert found
        it.heard(kinds.HTTP_ROUTE, found)
        await eventually(lambda: it.there() == [])


async def test_entries_that_were_left_before_our_time_go(kube: FakeKube) -> None:
    """A class that was forced away while no control plane ran."""
    async with running(kube) as it:
        it.route(parents=[OTHER, OTHER | {"controllerName": OURS}])
        it.status.found(kinds.HTTP_ROUTE, REF, it.rows[kinds.HTTP_ROUTE, REF])
        await eventually(lambda: it.there() == [OTHER])


async def test_entries_that_are_wanted_or_of_others_are_not_left_over(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.route(parents=[OTHER])
        it.status.found(kinds.HTTP_ROUTE, REF, it.rows[kinds.HTTP_ROUTE, REF])
        it.want(accepted())
        await eventually(lambda: len(it.there()) == 2)
        found = kube.get("httproutes", *REF)
        assert found
        it.heard(kinds.HTTP_ROUTE, found)
        it.status.found(kinds.HTTP_ROUTE, REF, it.rows[kinds.HTTP_ROUTE, REF])
        await eventually(lambda: not it.writer)
        assert (len(it.there()), len(kube.asked("status", "PATCH"))) == (2, 1)


def conditions(kube: FakeKube, plural: str) -> dict[str, str]:
    """Each as `Status Reason`."""
    found = (kube.get(plural, *REF) or {}).get("status", {})
    return {it["type"]: f"{it['status']} {it['reason']}" for it in found.get("conditions", [])}


def member(name: str) -> Object:
    """A ListenerSet of a Gateway of the same name."""
    metadata = {"name": name, "namespace": "shop", "generation": 1}
    spec = {"parentRef": {"name": name}, "listeners": [{"name": "a", "port": 80, "protocol": "HTTP"}]}
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "ListenerSet", "metadata": metadata, "spec": spec}


def _says(kube: FakeKube, plural: str, accepted: str) -> bool:
    return conditions(kube, plural).get("Accepted") == accepted


_PENDING = {"Accepted": "Unknown Pending", "Programmed": "Unknown Pending"}


async def test_a_gateway_that_nobody_has_any_more_does_not_say_that_it_is_served(kube: FakeKube) -> None:
    """Its class was forced away: for it and for its ListenerSets nobody speaks."""
    addresses = (GatewayStatusAddress("203.0.113.7"),)
    listeners = (ListenerStatus("http", 1, (), (accepted(),)),)
    wanted = Wanted(addresses, (accepted(), Condition("ResolvedRefs", "True", "ResolvedRefs", "", 1)), listeners)
    async with running(kube) as it:
        it.heard(kinds.GATEWAY, kube.put("gateways", cluster.gateway("web")))
        it.heard(kinds.LISTENER_SET, kube.put("listenersets", member("web")))
        it.status.want(kinds.GATEWAY, REF, wanted)
        it.status.want(kinds.LISTENER_SET, REF, WantedSet((accepted(),)))
        for kind in (kinds.GATEWAY, kinds.LISTENER_SET):
            await eventually(partial(_says, kube, kind.plural, "True Accepted"))
            it.heard(kind, kube.get(kind.plural, *REF) or {})
            it.status.want(kind, REF, None)
            it.clock.advance(COUNTS_SECONDS)
            await eventually(partial(_says, kube, kind.plural, "Unknown Pending"))
            assert conditions(kube, kind.plural) == _PENDING
        there = (kube.get("gateways", *REF) or {})["status"]
    assert [it["value"] for it in there["addresses"]] == ["203.0.113.7"], "names in DNS are made of them"
    assert not there.get("listeners")
    assert "GatewayClass sealos does not exist" in there["conditions"][0]["message"]


async def test_a_gateway_that_another_controller_has_now_is_left_to_it(kube: FakeKube) -> None:
    async with running(kube) as it:
        it.heard(kinds.GATEWAY, kube.put("gateways", cluster.gateway("web")))
        it.rows[kinds.GATEWAY_CLASS, Ref("", "sealos")] = object()
        it.status.want(kinds.GATEWAY, REF, Wanted(conditions=(accepted(),)))
        await eventually(lambda: bool(conditions(kube, "gateways")))
        it.heard(kinds.GATEWAY, kube.get("gateways", *REF) or {})
        it.status.want(kinds.GATEWAY, REF, None)
        await eventually(lambda: not it.writer)
        assert conditions(kube, "gateways") == {"Accepted": "True Accepted"}


async def test_a_gateway(kube: FakeKube) -> None:
    async with running(kube) as it:
        made = kube.put("gateways", cluster.gateway("web"))
        it.heard(kinds.GATEWAY, made)
        it.status.want(kinds.GATEWAY, REF, Wanted(conditions=(accepted(),)))
        await eventually(lambda: "status" in (kube.get("gateways", *REF) or {}))
    (request,) = kube.asked("status", "PATCH")
    assert request.query["force"] == "true"


async def test_what_is_refused_is_told_and_tried_again(kube: FakeKube) -> None:
    kube.forbidden = lambda place, request: place.subresource == "status"
    async with running(kube) as it:
        it.route()
        it.want(accepted())
        await eventually(lambda: [str(problem.origin) for problem in it.status.problems] == ["HTTPRoute shop/web"])
        kube.forbidden = lambda place, request: False
        await eventually(lambda: it.clock.sleeping == 1)
        it.clock.advance(RETRY_SECONDS)
        await eventually(lambda: len(it.there()) == 1 and it.status.problems == [])


async def test_a_deleted_route_is_forgotten(kube: FakeKube) -> None:
    kube.forbidden = lambda place, request: place.subresource == "status"
    async with running(kube) as it:
        it.route()
        it.want(accepted())
        await eventually(lambda: bool(it.status.problems))
        it.rows.clear()
        it.status.changed(kinds.HTTP_ROUTE, REF, None)
        assert it.status.problems == []


async def test_a_policy_of_ours_has_an_entry_for_each_target_beside_those_of_others(kube: FakeKube) -> None:
    other = {**OTHER, "ancestorRef": OTHER["parentRef"]}
    del other["parentRef"]
    targets = [("gateway.networking.k8s.io", "HTTPRoute"), ("networking.k8s.io", "Ingress")]
    spec = {"targetRefs": [{"group": group, "kind": kind, "name": "web"} for group, kind in targets]}
    metadata = {"name": REF.name, "namespace": REF.namespace, "generation": 1}
    async with running(kube) as it:
        made = kube.put("securitypolicies", {"metadata": metadata, "spec": spec, "status": {"ancestors": [other]}})
        it.heard(kinds.SECURITY_POLICY, made)
        entries = tuple(
            AncestorStatus(ParentReference("web", group, kind), OURS, (accepted(),)) for group, kind in targets
        )
        it.status.want(kinds.SECURITY_POLICY, REF, PolicyStatus(entries))

        def there() -> list[Object]:
            found: list[Object] = (kube.get("securitypolicies", *REF) or {})["status"]["ancestors"]
            return found

        await eventually(lambda: len(there()) == 3)
        assert there()[0] == other
        assert [one["ancestorRef"]["kind"] for one in there()[1:] if "kind" in one["ancestorRef"]] == [
            "HTTPRoute",
            "Ingress",
        ]
        assert {one["conditions"][0]["observedGeneration"] for one in there()[1:]} == {1}
        it.heard(kinds.SECURITY_POLICY, kube.get("securitypolicies", *REF) or {})
        it.status.want(kinds.SECURITY_POLICY, REF, None)
        await eventually(lambda: there() == [other])


async def test_entries_for_which_there_is_no_room_are_told(kube: FakeKube) -> None:
    others = [{**OTHER, "parentRef": {"name": f"edge-{number}"}} for number in range(31)]
    ours = tuple(ParentStatus(ParentReference(name), OURS, (accepted(),)) for name in ("one", "two", "three"))
    async with running(kube) as it:
        it.route(parents=others)
        it.status.want(kinds.HTTP_ROUTE, REF, RouteStatus(ours))
        await eventually(lambda: len(it.there()) == 32)
        (problem,) = it.status.problems
        assert (str(problem.origin), problem.reason) == ("HTTPRoute shop/web", "StatusFull")
        assert problem.message.startswith("2 of our entries are not told")
        it.route(parents=others[:29])
        await eventually(lambda: len(it.there()) == 32)
        assert it.status.problems == []
