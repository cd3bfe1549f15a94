"""Names of what is made: as GEP-1762 says, valid for every Gateway, and never the same for two."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.provision import names
from sealos_gateway.resources.meta import Ref

SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")
LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?\Z")
GATEWAY = st.from_regex(
    r"[a-z0-9]([-a-z0-9]{0,80}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?){0,2}", fullmatch=True
)


def test_the_usual_name() -> None:
    assert names.resource("edge", "sealos") == "edge-sealos"


@pytest.mark.parametrize("gateway", ["a" * 63, "a" * 253, "1st", "a.b", "a-b.c", "a" * 50 + "-" * 3 + "b" * 10])
def test_names_that_do_not_fit_are_cut_and_hashed(gateway: str) -> None:
    found = names.resource(gateway, "sealos")
    assert SERVICE.match(found)
    assert len(found) <= 63


@given(GATEWAY, GATEWAY)
def test_every_name_is_valid_for_a_service_and_as_a_label(gateway: str, class_name: str) -> None:
    assert SERVICE.match(names.resource(gateway, class_name))
    assert len(names.resource(gateway, class_name)) <= 63
    for value in names.labels(gateway, class_name).values():
        assert LABEL.match(value)
        assert len(value) <= 63


@given(GATEWAY, GATEWAY)
def test_two_gateways_of_a_class_never_share(first: str, second: str) -> None:
    if first != second:
        assert names.resource(first, "sealos") != names.resource(second, "sealos")
        assert names.selector(first) != names.selector(second)


def test_a_dot_is_not_a_dash() -> None:
    assert names.resource("a.b", "sealos") != names.resource("a-b", "sealos")


def test_a_plane_is_named_after_its_gateway() -> None:
    assert names.plane(Ref("shop", "edge")) == "shop.edge"
    assert names.gateway(names.plane(Ref("shop", "edge.one"))) == Ref("shop", "edge.one")
