"""All watches together: nothing before everything is listed, then everything that changed, as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from sealos_gateway.kube import sync
from sealos_gateway.kube.inbox import GIVE_UP
from sealos_gateway.kube.sync import Scope, Source
from sealos_gateway.kube.watch import Options
from sealos_gateway.resources import core, kinds
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Ref, Resource
from sealos_gateway.resources.update import Update
from tests.fake_clock import FakeClock, eventually
from tests.fakes import FakeKube, Place, Request
from tests.kube import cluster

CERT = Ref("shop", "cert")
#: On a server without the Gateway API. Whose Namespaces are of interest to nobody.
WATCHES = len([kind for kind in sync.KINDS if not (kind.custom or kind.selector or kind == kinds.NAMESPACE)])


class Consumer:
    """What main.py does with a source: the state it knows, and the Secrets it asks for."""

    def __init__(self, source: Source, needs: tuple[Ref, ...] = ()) -> None:
        self.source = source
        self.needs = needs
        self.objects: dict[tuple[Kind, Ref], Resource] = {}
        self.updates: list[Update] = []

    async def run(self) -> None:
        async with aclosing(self.source.updates()) as updates:
            async for update in updates:
                self.updates.append(update)
                for kind, ref, row in update.puts:
                    self.objects[(kind, ref)] = row
                for key in update.drops:
                    del self.objects[key]
                if len(self.updates) == 1:
                    for ref in self.needs:
                        self.source.need(ref, True)

    def has(self, kind: Kind, *names: str) -> bool:
        return {str(ref) for found, ref in self.objects if found == kind} == set(names)


@asynccontextmanager
async def consuming(
    kube: FakeKube,
    scope: Scope | None = None,
    needs: tuple[Ref, ...] = (),
    watched: tuple[Kind, ...] = sync.KINDS,
    options: Options | None = None,
) -> AsyncIterator[Consumer]:
    clock = FakeClock(skip=20)
    async with cluster.client_of(kube, clock) as api:
        source = Source(api, watched, scope, clock, options)
        consumer = Consumer(source, needs)
        async with cluster.task(source.run()), cluster.task(consumer.run()):
            yield consumer


async def test_nothing_before_everything_is_listed(kube: FakeKube) -> None:
    kube.put("ingresses", cluster.ingress())
    kube.put("services", cluster.service())
    kube.fail("endpointslices", 503, times=1_000_000)
    async with consuming(kube) as consumer:
        await eventually(lambda: len(kube.asked("endpointslices")) > 10 and kube.watches("services"))
        assert consumer.updates == []
        (problem,) = consumer.source.problems
        assert (str(problem.origin), problem.reason) == ("Watch endpointslices", "Server")
        kube.mend()
        await eventually(lambda: consumer.source.loaded)
        assert len(consumer.updates) == 2
        assert len(consumer.updates[0].puts) == 2
        assert consumer.source.problems == ()


async def test_an_empty_cluster_is_loaded(kube: FakeKube) -> None:
    async with consuming(kube) as consumer:
        await eventually(lambda: consumer.source.loaded)
        assert consumer.updates == [Update(), Update()]


async def test_secrets_that_are_needed_come_before_it_is_loaded(kube: FakeKube) -> None:
    kube.put("secrets", cluster.secret())
    kube.fail("secrets", 503, times=3)
    async with consuming(kube, needs=(CERT, Ref("shop", "missing"))) as consumer:
        await eventually(lambda: consumer.source.loaded)
        await eventually(lambda: len(consumer.updates) == 2)
        assert consumer.has(kinds.SECRET, "shop/cert")
        consumer.source.need(CERT, False)
        await eventually(lambda: consumer.has(kinds.SECRET))


async def test_config_maps_are_had_in_the_same_way(kube: FakeKube) -> None:
    kube.put("configmaps", cluster.config_map("ca"))
    kube.put("configmaps", cluster.config_map("other"))
    async with consuming(kube) as consumer:
        await eventually(lambda: consumer.source.loaded)
        consumer.source.need(Ref("shop", "ca"), True, kinds.CONFIG_MAP)
        await eventually(lambda: consumer.has(kinds.CONFIG_MAP, "shop/ca") and kube.watches("configmaps"))
        kube.put("configmaps", cluster.config_map("ca", value="new"))
        key = (kinds.CONFIG_MAP, Ref("shop", "ca"))
        await eventually(lambda: "new" in str(consumer.objects[key]))
        consumer.source.need(Ref("shop", "ca"), False, kinds.CONFIG_MAP)
        await eventually(lambda: consumer.has(kinds.CONFIG_MAP))
        assert not kube.asked("/api/v1/configmaps")


async def test_many_changes_that_are_there_are_one_update(kube: FakeKube) -> None:
    async with consuming(kube) as consumer:
        await eventually(lambda: consumer.source.loaded and kube.watches() == WATCHES)
        for number in range(500):
            kube.put("services", cluster.service(f"s{number}"))
        await eventually(lambda: len(consumer.objects) == 500)
        assert len(consumer.updates) < 50


async def test_what_vanished_while_nobody_listened_is_dropped(kube: FakeKube) -> None:
    for name in ("a", "b"):
        kube.put("services", cluster.service(name))
    async with consuming(kube) as consumer:
        await eventually(lambda: consumer.source.loaded and kube.watches() == WATCHES)
        await kube.stop()
        kube.delete("services", "shop", "a")
        kube.put("services", cluster.service("c"))
        kube.compact()
        await kube.start(kube.port)
        await eventually(lambda: consumer.has(kinds.SERVICE, "shop/b", "shop/c"))


async def test_a_bad_object_is_a_problem_and_the_last_good_version_stays(kube: FakeKube) -> None:
    kube.put("ingresses", cluster.ingress())
    async with consuming(kube) as consumer:
        await eventually(lambda: consumer.source.loaded and kube.watches("ingresses"))
        kube.put("ingresses", cluster.broken_ingress())
        await eventually(lambda: consumer.source.problems)
        (problem,) = consumer.source.problems
        assert (str(problem.origin), problem.field) == ("Ingress shop/web", "spec.rules[0].host")
        assert consumer.has(kinds.INGRESS, "shop/web")


async def test_named_namespaces_are_read_without_permission_for_others(kube: FakeKube) -> None:
    def forbidden(place: Place, request: Request) -> bool:
        return place.plural != "" and place.namespace not in ("shop", "blog")  # discovery is for everybody

    kube.forbidden = forbidden
    for namespace in ("shop", "blog", "other"):
        kube.put("services", cluster.service("web", namespace))
    async with consuming(kube, Scope(names=("shop", "blog"))) as consumer:
        await eventually(lambda: consumer.source.loaded)
        assert consumer.has(kinds.SERVICE, "shop/web", "blog/web")
        assert {str(it.origin) for it in consumer.source.problems} == {"Watch ingressclasses"}
    assert not kube.asked("/api/v1/services")


async def test_namespaces_by_label_follow_the_label(kube: FakeKube) -> None:
    kube.put("namespaces", cluster.namespace("shop", tenant="yes"))
    kube.put("namespaces", cluster.namespace("other"))
    for namespace in ("shop", "other"):
        kube.put("services", cluster.service("web", namespace))
    async with consuming(kube, Scope(selector="tenant=yes")) as consumer:
        await eventually(lambda: consumer.source.loaded and kube.watches("namespaces"))
        assert consumer.has(kinds.SERVICE, "shop/web")
        kube.put("namespaces", cluster.namespace("other", tenant="yes"))
        await eventually(lambda: consumer.has(kinds.SERVICE, "shop/web", "other/web"))
        kube.put("namespaces", cluster.namespace("shop"))
        await eventually(lambda: consumer.has(kinds.SERVICE, "other/web"))


async def test_a_server_without_the_gateway_api(kube: FakeKube) -> None:
    kube.put("namespaces", cluster.namespace("shop"))
    async with consuming(kube) as consumer:
        await eventually(lambda: consumer.source.loaded and len(kube.asked("/apis/gateway.networking.k8s.io/v1")) > 50)
        assert kube.watches() == WATCHES
        assert consumer.objects == {}
        assert consumer.source.problems == ()


async def test_the_gateway_api_may_be_installed_later(kube: FakeKube) -> None:
    kube.put("namespaces", cluster.namespace("shop", tenant="yes"))
    kube.put("gateways", cluster.gateway())
    async with consuming(kube) as consumer:
        await eventually(lambda: consumer.source.loaded)
        kube.absent.discard("gateways")
        await eventually(lambda: consumer.has(kinds.GATEWAY, "shop/edge") and consumer.has(kinds.NAMESPACE, "shop"))
        (row,) = (row for (kind, _), row in consumer.objects.items() if kind == kinds.NAMESPACE)
        assert isinstance(row, core.Namespace)
        assert row.metadata.labels == {"tenant": "yes"}
        kube.put("gateways", cluster.gateway("other"))
        await eventually(lambda: consumer.has(kinds.GATEWAY, "shop/edge", "shop/other"))
        assert consumer.has(kinds.HTTP_ROUTE)


async def test_a_kind_in_an_older_version_alone_is_told_until_the_new_one_is_there(kube: FakeKube) -> None:
    kube.older = {"backendtlspolicies": "v1alpha3"}
    async with consuming(kube) as consumer:
        await eventually(lambda: consumer.source.loaded and consumer.source.problems)
        (problem,) = consumer.source.problems
        assert (str(problem.origin), problem.reason) == ("Watch backendtlspolicies", "OutdatedDefinition")
        assert "v1alpha3" in problem.message
        kube.absent.discard("backendtlspolicies")
        await eventually(lambda: consumer.source.problems == ())


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha1"])
async def test_bundles_of_authorities_are_read_in_the_version_that_there_is(kube: FakeKube, version: str) -> None:
    bundle = {"apiVersion": f"certificates.k8s.io/{version}", "kind": "ClusterTrustBundle", "metadata": {"name": "a:b"}}
    kube.put("clustertrustbundles", bundle | {"spec": {"trustBundle": "PEM"}})
    async with consuming(kube) as consumer:
        await eventually(lambda: consumer.source.loaded)
        assert consumer.has(kinds.CLUSTER_TRUST_BUNDLE)
        assert consumer.source.problems == ()
        kube.absent.discard("clustertrustbundles")  # enabled
        kube.served = {"clustertrustbundles": version}
        await eventually(lambda: consumer.has(kinds.CLUSTER_TRUST_BUNDLE, "a:b"))
        kube.delete("clustertrustbundles", "", "a:b")
        await eventually(lambda: consumer.has(kinds.CLUSTER_TRUST_BUNDLE))
        asked = {it.path for it in kube.asked("/clustertrustbundles")}
        assert asked == {f"/apis/certificates.k8s.io/{version}/clustertrustbundles"}


DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "gateways.gateway.networking.k8s.io",
                 "annotations": {"gateway.networking.k8s.io/bundle-version": "v1.7.0"}},
}  # fmt: skip
GATEWAYS = Ref("", "gateways.gateway.networking.k8s.io")


async def test_definitions_are_read_one_by_one_and_never_listed(kube: FakeKube) -> None:
    kube.put("customresourcedefinitions", DEFINITION)
    async with consuming(kube) as consumer:
        await eventually(lambda: consumer.source.loaded)
        consumer.source.need(GATEWAYS, True, kinds.DEFINITION)
        await eventually(lambda: consumer.has(kinds.DEFINITION, str(GATEWAYS)))
        row = consumer.objects[kinds.DEFINITION, GATEWAYS]
        assert isinstance(row, core.CustomResourceDefinition)
        assert row.release == "v1.7.0"
        asked = {it.path for it in kube.asked("/customresourcedefinitions")}
        assert asked == {f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{GATEWAYS.name}"}


async def test_definitions_that_may_not_be_read_are_nobodys_problem(kube: FakeKube) -> None:
    kube.forbidden = lambda place, request: place.plural == "customresourcedefinitions"
    async with consuming(kube) as consumer:
        await eventually(lambda: consumer.source.loaded)
        consumer.source.need(GATEWAYS, True, kinds.DEFINITION)
        await eventually(lambda: len(kube.asked("/customresourcedefinitions")) >= GIVE_UP)
        assert consumer.source.problems == ()
        assert consumer.has(kinds.DEFINITION)


async def test_a_kind_that_is_removed_takes_its_objects_with_it(kube: FakeKube) -> None:
    kube.absent.discard("gateways")
    kube.put("gateways", cluster.gateway())
    async with consuming(kube) as consumer:
        await eventually(lambda: consumer.source.loaded and consumer.has(kinds.GATEWAY, "shop/edge"))
        kube.absent.add("gateways")
        kube.end_watches()
        await eventually(lambda: consumer.has(kinds.GATEWAY))
        assert consumer.source.problems == ()


async def test_one_answer_of_not_found_takes_nothing_away(kube: FakeKube) -> None:
    kube.absent.discard("gateways")
    kube.put("gateways", cluster.gateway())
    async with consuming(kube) as consumer:
        await eventually(lambda: consumer.source.loaded and consumer.has(kinds.GATEWAY, "shop/edge"))
        many = len(consumer.updates)
        kube.fail("gateway.networking.k8s.io", 404, times=3)
        kube.end_watches()
        await eventually(lambda: kube.watches("gateways") == 1 and kube.watches("services") == 2)
        kube.put("gateways", cluster.gateway("other"))
        await eventually(lambda: consumer.has(kinds.GATEWAY, "shop/edge", "shop/other"))
        assert [update.drops for update in consumer.updates[many:]] == [()]


@pytest.mark.parametrize("installed", [True, False])
async def test_without_permission_for_the_gateway_api_ingresses_are_served(kube: FakeKube, installed: bool) -> None:
    kube.put("ingresses", cluster.ingress())
    kube.forbidden = lambda place, _: place.plural in ("gateways", "namespaces")
    if installed:
        kube.absent.discard("gateways")
    async with consuming(kube) as consumer:
        await eventually(lambda: consumer.source.loaded)
        assert consumer.has(kinds.INGRESS, "shop/web")
        found = {str(it.origin) for it in consumer.source.problems}
        assert found == ({"Watch gateways", "Watch namespaces"} if installed else set())


def test_either_names_or_a_selector() -> None:
    with pytest.raises(ValueError, match="either"):
        Scope(("shop",), "a=b")


@pytest.mark.parametrize("stream", [True, False])
async def test_a_thousand_objects_in_pages_or_as_a_stream(kube: FakeKube, stream: bool) -> None:
    for number in range(1000):
        kube.put("services", cluster.service(f"s{number}"))
    async with consuming(kube, options=Options(stream=stream, page=100)) as consumer:
        await eventually(lambda: consumer.source.loaded)
        assert len(consumer.updates[0].puts) == 1000


async def test_an_unexpected_error_ends_everything(kube: FakeKube, monkeypatch: pytest.MonkeyPatch) -> None:
    async with cluster.client_of(kube) as api:
        source = Source(api, clock=FakeClock(skip=20))
        monkeypatch.setattr("sealos_gateway.kube.inbox.Feed.take", lambda *_: 1 / 0)
        with pytest.raises(ExceptionGroup):
            async with asyncio.timeout(5):
                await source.run()
