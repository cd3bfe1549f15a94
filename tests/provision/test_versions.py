"""Of which release the definitions of the Gateway API are, as GatewayClasses tell it."""

from __future__ import annotations

import pytest

from sealos_gateway.provision import versions
from sealos_gateway.provision.versions import NAMES
from sealos_gateway.resources import kinds
from sealos_gateway.resources.gateway_api.meta import Condition
from sealos_gateway.resources.meta import Ref, Resource
from tests import objects
from tests.translate import gateways
from tests.translate.gateways import pipeline

ANNOTATION = "gateway.networking.k8s.io/bundle-version"
GATEWAYS = "gateways.gateway.networking.k8s.io"


def definition(name: str, release: str | None = "v1.7.0") -> Resource:
    annotations = {ANNOTATION: release, "example.com/other": "x"} if release is not None else None
    data = {"metadata": {"name": name, "annotations": annotations}, "spec": {"group": "g", "versions": [{}]}}
    return kinds.from_builtins(kinds.DEFINITION, data)


@pytest.mark.parametrize("release", ["v1.6.1", "v1.7.0", "v1.7.12", "v1.6.0-rc.1"])
def test_releases_that_are_known(release: str) -> None:
    found = versions.condition(dict.fromkeys(NAMES, release), 3)
    assert found is not None
    assert (found.status, found.reason, found.observed_generation) == ("True", "SupportedVersion", 3)
    assert release in found.message


@pytest.mark.parametrize("release", ["v1.5.1", "v1.8.0", "v2.6.0", "v1.70.0", "v0.0.0-dev", "1.7.0", "", "v1.7"])
def test_one_of_another_release_is_named_with_it(release: str) -> None:
    found = versions.condition({**dict.fromkeys(NAMES, "v1.7.0"), GATEWAYS: release}, 3)
    assert found is not None
    assert (found.status, found.reason) == ("False", "UnsupportedVersion")
    assert f"{GATEWAYS} ({release or 'none'})" in found.message
    assert "v1.6 and v1.7" in found.message


def test_where_no_definition_is_known_nothing_is_said() -> None:
    assert versions.condition({}, 3) is None


def told(*resources: Resource) -> list[Condition]:
    made = pipeline(*resources)
    assert len(made.problems()) == sum(it.status == "False" for it in of_class(made.gateway_statuses))
    return of_class(made.gateway_statuses)


def of_class(statuses: object) -> list[Condition]:
    assert isinstance(statuses, dict)
    return [it for it in statuses[kinds.GATEWAY_CLASS].rows[Ref("", "sealos")].conditions if it.type != "Accepted"]


def test_classes_say_it_and_are_served_all_the_same() -> None:
    assert told() == []
    assert [it.status for it in told(*(definition(name) for name in NAMES))] == ["True"]
    (found,) = told(definition(GATEWAYS, None), definition("pods.example.com", "v9"))
    assert (found.status, f"{GATEWAYS} (none)" in found.message, "pods" in found.message) == ("False", True, False)


def test_another_release_wakes_the_classes() -> None:
    made = gateways.pipeline(definition(GATEWAYS, "v1.5.0"))
    assert [it.reason for it in of_class(made.gateway_statuses)] == ["UnsupportedVersion"]
    objects.put(made, definition(GATEWAYS))
    assert [it.reason for it in of_class(made.gateway_statuses)] == ["SupportedVersion"]
    assert made.problems() == []
