"""Annotations as values: what is read, what is told, what is shared. Families have golden cases."""

from __future__ import annotations

import pytest

from sealos_gateway.resources.annotations import traffic
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Metadata, Origin, Ref
from sealos_gateway.translate.annotations.values import Values
from tests import objects

NGINX = "nginx.ingress.kubernetes.io/"


def values(**annotations: str) -> Values:
    named = {NGINX + name.replace("_", "-"): text for name, text in annotations.items()}
    return Values(Metadata(name="web", namespace="shop", annotations=named), Origin("Ingress", Ref("shop", "web")))


@pytest.mark.parametrize(
    ("text", "size"),
    [("8m", 8 << 20), ("1K", 1024), ("2g", 2 << 30), ("17", 17), (" 1m ", 1 << 20), ("0", 0),
     ("-1", None), ("1.5m", None), ("1 m", None), ("", None), ("m", None), ("1t", None), ("٣m", None)],
)  # fmt: skip
def test_sizes(text: str, size: int | None) -> None:
    found = values(proxy_body_size=text)
    assert found.size(traffic.PROXY_BODY_SIZE) == size
    assert bool(found.problems) == (size is None)


def test_a_problem_names_the_spelling_that_was_used_and_what_to_write() -> None:
    found = values(proxy_body_size="much")
    found.size(traffic.PROXY_BODY_SIZE)
    (problem,) = found.problems
    assert problem.field == f"metadata.annotations[{NGINX}proxy-body-size]"
    assert "'much' is not a size as 512k, 8m or 1g" in problem.message
    assert not found.refused


def test_an_unreadable_protection_closes_the_object() -> None:
    found = values(denylist_source_range="10.0.0.0/8 192.0.2.0/24")
    assert found.networks(traffic.DENYLIST) is None
    assert found.refused
    assert "503" in found.problems[0].message


def web(name: str, host: str, annotations: dict[str, str]) -> Ingress:
    return objects.ingress(name, objects.rule(host, objects.path("/")), annotations=annotations)


@pytest.mark.parametrize("name", ["sealos.io/no-such", f"{NGINX}no-such", "higress.io/no-such"])
def test_an_unknown_name_in_a_known_domain_is_told(name: str) -> None:
    made = objects.pipeline(objects.service(), web("web", "a.test", {name: "x"}))
    assert objects.problems(made) == [
        ("Ingress shop/web", f"metadata.annotations[{name}]", "UnknownAnnotation"),
    ]


def test_names_of_others_are_none_of_our_business() -> None:
    theirs = {"cert-manager.io/issuer": "x", "cloud.sealos.io/x": "y"}
    assert objects.problems(objects.pipeline(objects.service(), web("web", "a.test", theirs))) == []


def test_equal_policies_are_one_value() -> None:
    same = {f"{NGINX}proxy-body-size": "8m"}
    made = objects.pipeline(web("one", "a.test", same), web("two", "b.test", dict(same)))
    first, second = (row.policy for row in made.policies.rows.values())
    assert first is not None
    assert first is second
