from __future__ import annotations

from sealos_gateway.backend_planes import OWN_PLANE, BackendPlanes
from sealos_gateway.model.keys import BackendKey

KEY = BackendKey("shop", "web", 80)
EDGE = "shop.edge"


def moved(planes: BackendPlanes, users: tuple[str, ...] | None) -> list[frozenset[str]]:
    """What is told when the backend has these users."""
    told: list[frozenset[str]] = []
    planes.on_change = [lambda _key, where: told.append(where)]
    planes.changed(KEY, users)
    return told


def test_a_backend_of_ingresses_stays_on_our_own_plane() -> None:
    planes = BackendPlanes()
    assert moved(planes, ("a",)) == []
    assert planes.of(KEY) == OWN_PLANE


def test_it_moves_with_its_users_and_comes_back() -> None:
    planes = BackendPlanes()
    planes.counted((KEY, EDGE), 1)
    assert moved(planes, ("edge",)) == [frozenset({EDGE})]
    assert moved(planes, ("edge", "ingress")) == [frozenset({EDGE, ""})]
    planes.counted((KEY, EDGE), None)
    assert moved(planes, ("ingress",)) == [OWN_PLANE]
    assert planes.of(KEY) == OWN_PLANE


def test_one_user_more_on_the_same_plane_changes_nothing() -> None:
    planes = BackendPlanes()
    planes.counted((KEY, EDGE), 1)
    planes.changed(KEY, ("a",))
    planes.counted((KEY, EDGE), 2)
    assert moved(planes, ("a", "b")) == []


def test_without_users_it_goes_back() -> None:
    planes = BackendPlanes()
    planes.counted((KEY, EDGE), 1)
    planes.changed(KEY, ("a",))
    planes.counted((KEY, EDGE), None)
    assert moved(planes, None) == [OWN_PLANE]
    assert planes.of(KEY) == OWN_PLANE
