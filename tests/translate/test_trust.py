"""Certificate authorities from Secrets and ConfigMaps."""

from __future__ import annotations

import pytest

from sealos_gateway.live import Graph, Table
from sealos_gateway.resources import core
from sealos_gateway.resources.meta import Metadata, Origin, Ref, Resource
from sealos_gateway.translate import trust
from tests import objects, pem

REF = Ref("shop", "ca")
ROOT = pem.pair("ca.test")[0]


def load(*resources: Resource, kind: str = "Secret") -> trust.Loaded:
    made = objects.pipeline(*resources)
    return trust.load(Origin(kind, REF), lambda table, key: table.get(key), made.world)


def secret(**entries: bytes) -> core.Secret:
    return core.Secret(Metadata("ca", "shop"), "Opaque", {name.replace("_", "."): it for name, it in entries.items()})


def test_a_secret_and_a_config_map() -> None:
    found = load(secret(ca_crt=ROOT)).bundle
    assert found is not None
    assert (found.roots, found.revoked) == (ROOT, b"")
    config_map = core.ConfigMap(Metadata("ca", "shop"), {"ca.crt": ROOT.decode()})
    assert load(config_map, kind="ConfigMap").bundle is not None


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ((), "Secret shop/ca does not exist"),
        ((secret(tls_crt=ROOT),), "has no ca.crt"),
        ((secret(ca_crt=b"nonsense"),), "ca.crt is not a list of PEM certificates"),
        ((secret(ca_crt=ROOT, ca_crl=b"nonsense"),), "ca.crl is not a PEM revocation list"),
    ],
)
def test_what_is_wrong_is_told(found: tuple[Resource, ...], said: str) -> None:
    loaded = load(*found)
    assert loaded.bundle is None
    assert said in loaded.error


def test_several_are_believed_as_one_and_those_that_cannot_be_used_are_left_out() -> None:
    second = pem.pair("b.test", number=1)[0]
    texts = {"ca": ROOT, "b": second}
    maps = [core.ConfigMap(Metadata(name, "shop"), {"ca.crt": text.decode()}) for name, text in texts.items()]
    made = objects.pipeline(*maps)
    origins = tuple(Origin("ConfigMap", Ref("shop", name)) for name in ("b", "absent", "ca"))
    loaded: Table[Origin, trust.Loaded] = Table(Graph(), "loaded")
    for origin in origins:
        loaded.put(origin, trust.load(origin, lambda table, key: table.get(key), made.world))
    found = trust.bundle(origins, lambda table, key: table.get(key), loaded)
    assert found is not None
    assert found.roots == second + b"\n" + ROOT
    assert trust.bundle(origins[1:2], lambda table, key: table.get(key), loaded) is None
