from __future__ import annotations

from sealos_gateway.backend_planes import OWN_PLANE, BackendPlanes
from sealos_gateway.model.keys import BackendKey

KEY = BackendKey("shop", "web", 80)
EDGE = "shop.edge"


def test_a_backend_of_ingresses_stays_on_our_own_plane() -> None:
    planes = BackendPlanes()
    assert planes.changed(KEY, ("a",)) is None
    assert planes.of(KEY) == OWN_PLANE


def test_it_moves_with_its_users_and_comes_back() -> None:
    planes = BackendPlanes()
    planes.counted((KEY, EDGE), 1)
    assert planes.changed(KEY, ("edge",)) == frozenset({EDGE})
    assert planes.changed(KEY, ("edge", "ingress")) == frozenset({EDGE, ""})
    planes.counted((KEY, EDGE), None)
    assert planes.changed(KEY, ("ingress",)) == OWN_PLANE
    assert planes.of(KEY) == OWN_PLANE


def test_one_user_more_on_the_same_plane_changes_nothing() -> None:
    planes = BackendPlanes()
    planes.counted((KEY, EDGE), 1)
    planes.changed(KEY, ("a",))
    planes.counted((KEY, EDGE), 2)
    assert planes.changed(KEY, ("a", "b")) is None


def test_without_users_it_goes_back() -> None:
    planes = BackendPlanes()
    planes.counted((KEY, EDGE), 1)
    planes.changed(KEY, ("a",))
    planes.counted((KEY, EDGE), None)
    assert planes.changed(KEY, None) == OWN_PLANE
    assert planes.of(KEY) == OWN_PLANE
