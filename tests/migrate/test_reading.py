"""Reading an API server once: everything, what it refers to, and nothing written."""

from __future__ import annotations

import pytest

from sealos_gateway.kube.sync import Scope
from sealos_gateway.migrate import reading
from sealos_gateway.resources.meta import Ref
from sealos_gateway.settings import Settings
from tests.fakes import FakeKube
from tests.kube import cluster

CLASS = {"metadata": {"name": "edge"}, "spec": {"controller": "k8s.io/ingress-nginx"}}
MAP = {"metadata": {"name": "ingress-nginx-controller", "namespace": "ingress-nginx"}, "data": {"hsts": "false"}}


async def read(kube: FakeKube, seconds: float = 5.0) -> reading.Read:
    wanted = reading.places("ingress-nginx", [])
    access = cluster.Fixed(kube.url)
    return await reading.from_cluster("ingress-nginx", access, Scope(), Settings(), wanted, (), seconds)


async def test_objects_of_the_other_controller_and_its_configmap(kube: FakeKube) -> None:
    kube.put("ingressclasses", CLASS)
    kube.put("configmaps", MAP)
    kube.put("ingresses", cluster.ingress("a") | {"spec": {"ingressClassName": "edge", "rules": [{"host": "a.test"}]}})
    kube.put("ingresses", cluster.ingress("b") | {"spec": {"ingressClassName": "else", "rules": [{"host": "b.test"}]}})
    found = await read(kube)
    assert list(found.pipeline.attachments.rows) == [Ref("shop", "a")]
    assert found.maps == {"ingress-nginx/ingress-nginx-controller": {"hsts": "false"}}
    assert not [request for request in kube.requests if request.method != "GET"]


async def test_secrets_that_are_referred_to_are_read(kube: FakeKube) -> None:
    tls = {
        "ingressClassName": "nginx",
        "rules": [{"host": "a.test"}],
        "tls": [{"hosts": ["a.test"], "secretName": "s"}],
    }
    kube.put("ingresses", cluster.ingress("a") | {"spec": tls})
    kube.put("secrets", {"metadata": {"name": "s", "namespace": "shop"}, "type": "kubernetes.io/tls", "data": {}})
    found = await read(kube)
    assert Ref("shop", "s") in found.pipeline.secrets.rows


async def test_a_server_that_refuses_is_told_and_does_not_hold_for_ever(kube: FakeKube) -> None:
    kube.forbidden = lambda place, _request: place.plural == "ingresses"
    with pytest.raises(reading.UnansweredError, match=r"within 4 s: .*ingresses"):
        await read(kube, 4.0)
