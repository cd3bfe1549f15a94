"""A cluster's name leads back to its backend, also when it holds only a hash of the policy."""

from __future__ import annotations

from sealos_gateway.backend_names import BackendNames
from sealos_gateway.envoy import names
from sealos_gateway.model.backend_policy import BackendPolicy
from sealos_gateway.model.keys import BackendKey

DOMAIN = "cluster.local"


def key(number: int) -> BackendKey:
    return BackendKey("shop", "web", 80, BackendPolicy(connect_timeout=float(number)))


def test_equal_policies_share_a_name_and_different_ones_do_not() -> None:
    assert names.backend(key(1), DOMAIN) == names.backend(key(1), DOMAIN) != names.backend(key(2), DOMAIN)
    assert names.backend(key(1)._replace(policy=None), DOMAIN) == "outbound|80||web.shop.svc.cluster.local"


def test_a_name_is_known_while_in_use_and_some_time_after() -> None:
    found = BackendNames(DOMAIN)
    found.changed(key(1), ("host",))
    assert found.key(names.backend(key(1), DOMAIN)) == key(1)
    found.changed(key(1), None)
    assert found.key(names.backend(key(1), DOMAIN)) == key(1)
    for number in range(2, 5000):
        found.changed(key(number), ("host",))
        found.changed(key(number), None)
    assert found.key(names.backend(key(1), DOMAIN)).port == 0


def test_a_name_of_nobody_is_a_key_that_no_table_has() -> None:
    found = BackendNames(DOMAIN)
    for name in ("nowhere", "outbound|80|abcdef|web.shop.svc.cluster.local", "a|b|c", "outbound|x||web.shop.svc"):
        assert found.key(name).port == 0
