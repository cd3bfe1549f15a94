"""ClusterTrustBundles on a real API server: one that serves them, in the version that it has, and one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance import modules
from tests import pem
from tests.cluster.harness import Api, Cluster
from tests.cluster.harness import eventually as soon
from tests.e2e import manifests
from tests.e2e.gateway_api.objects import of
from tests.e2e.gateway_api.test_backend_tls import backend, bundle
from tests.e2e.harness import Gateway, eventually

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(bool(modules.missing()), reason=f"no Gateway API: {modules.missing()}"),
]
OWN, OTHER = pem.Authority("own"), pem.Authority("other", 1)
BUNDLES = "/apis/certificates.k8s.io/v1beta1/clustertrustbundles"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ENABLED = (
    "--",
    "--feature-gates=ClusterTrustBundle=true",
    "--runtime-config=certificates.k8s.io/v1beta1/clustertrustbundles=true",
)


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Api]]:
    """An API server with ClusterTrustBundles and BackendTLSPolicies."""
    cluster = Cluster(tmp_path_factory.mktemp("api"), "--api-only", *ENABLED)
    try:
        api = Api.from_kubeconfig(cluster.kubeconfig, tmp_path_factory.mktemp("admin"))
        with api.http:
            for one in modules.definitions("experimental", modules.RELEASES[0]):
                if one["kind"] == "CustomResourceDefinition":
                    api.create(CRDS, one)
            policies = "/apis/gateway.networking.k8s.io/v1/backendtlspolicies"
            soon(lambda: api.http.get(policies).is_success)
            yield cluster, api
    finally:
        assert cluster.stop() == 0


def _patch(api: Api, name: str, authority: pem.Authority) -> None:
    api.apply(f"{BUNDLES}/{name}", bundle(name, authority), manager="test")


async def test_a_backend_is_believed_by_a_bundle_of_the_cluster(bundled: tuple[Cluster, Api], tmp_path: Path) -> None:
    cluster, api = bundled
    api.create("/api/v1/namespaces", {"metadata": {"name": "shop"}})
    async with backend(tmp_path / "pair.pem", OWN.pair("backend.test")) as one:
        _fill(api, one.port)
        settings = {"kubernetes": {"lease_namespace": "shop"}, "ingress": {"local_external_names": True}}
        with Gateway(tmp_path / "gw", settings=settings, source=["--kubeconfig", str(cluster.kubeconfig)]) as gateway:

            async def status() -> int:
                return (await gateway.get("a.test")).status_code

            assert await status() == 503, "no bundle so far"
            _patch(api, "backends", OWN)
            await eventually(lambda: _is(status, 200), 30)
            _patch(api, "backends", OTHER)
            await eventually(lambda: _is(status, 503), 30)
            one.show(OTHER.pair("backend.test", number=2))
            await eventually(lambda: _is(status, 200), 30)
            api.call("DELETE", f"{BUNDLES}/backends")
            await eventually(lambda: _is(status, 503), 30)
            assert [it for it in gateway.problems() if "ClusterTrustBundle backends does not exist" in it]


async def _is(status: Any, wanted: int) -> bool:
    return bool(await status() == wanted)


def _fill(api: Api, port: int) -> None:
    core, namespace = "/api/v1/namespaces/shop", "/namespaces/shop"
    # The API server takes no slice with an address of this machine alone.
    spec = {"type": "ExternalName", "externalName": "localhost", "ports": [{"name": "tls", "port": port}]}
    api.create(f"{core}/services", {"metadata": {"name": "web"}, "spec": spec})
    ingress = manifests.ingress("web", "shop", {"a.test": f"web:{port}"})
    api.create(f"/apis/networking.k8s.io/v1{namespace}/ingresses", ingress)
    refs = [{"group": "certificates.k8s.io", "kind": "ClusterTrustBundle", "name": "backends"}]
    policy = of(
        "BackendTLSPolicy", "web",
        targetRefs=[{"group": "", "kind": "Service", "name": "web"}],
        validation={"hostname": "backend.test", "caCertificateRefs": refs},
    )  # fmt: skip
    api.create(f"/apis/gateway.networking.k8s.io/v1{namespace}/backendtlspolicies", policy)
