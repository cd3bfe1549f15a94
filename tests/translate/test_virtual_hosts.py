"""One host of many Ingresses: precedence as a whole. The single rules are golden cases (`golden/ingress`)."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sealos_gateway.model.traffic import PathKind, VirtualHost
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.ingress import Ingress
from tests import objects

HOST = "a.example.com"
TEXTS = ("/", "/a", "/a/", "/a/b", "/b")


def row(made: Pipeline) -> VirtualHost | None:
    return next((row for key, row in made.hosts.rows.items() if key.host == HOST), None)


entries = st.lists(st.tuples(st.sampled_from(TEXTS), st.sampled_from(["Exact", "Prefix"])), min_size=1, max_size=3)
claims = st.lists(st.tuples(entries, st.sampled_from(["", "2020", "2021"]), st.booleans()), min_size=1, max_size=4)


def claimants(made: list[Any]) -> list[Ingress]:
    return [
        objects.ingress(
            f"web-{number}",
            objects.rule(HOST, *(objects.path(text, f"svc-{number}", kind=kind) for text, kind in paths)),
            created=created,
            default=objects.backend(f"svc-{number}") if default else None,
        )
        for number, (paths, created, default) in enumerate(made)
    ]


@settings(max_examples=60)
@given(claims, st.randoms(use_true_random=False))
def test_precedence_is_total_and_does_not_depend_on_the_order_of_events(made: list[Any], random: Any) -> None:
    found = claimants(made)
    services = [objects.service(f"svc-{number}") for number in range(len(found))]
    first = row(objects.pipeline(*services, *found))
    random.shuffle(found)
    second = row(objects.pipeline(*found, *services))
    assert first == second


@settings(max_examples=60)
@given(claims)
def test_more_specific_routes_come_first_and_each_match_once(made: list[Any]) -> None:
    services = [objects.service(f"svc-{number}") for number in range(len(made))]
    found = row(objects.pipeline(*claimants(made), *services))
    assert found is not None
    ranks = [(route.match.kind, -len(route.match.path)) for route in found.routes]
    assert ranks == sorted(ranks)
    matches = [route.match for route in found.routes]
    roots = sum(match.path == "/" and match.kind is PathKind.PREFIX for match in matches)
    # Only the default backend may stand beside a path `/`, after it.
    assert len(set(matches)) >= len(matches) - (roots == 2)


@settings(max_examples=60)
@given(claims)
def test_every_claim_answers_or_its_owner_is_told(made: list[Any]) -> None:
    services = [objects.service(f"svc-{number}") for number in range(len(made))]
    found = row(objects.pipeline(*claimants(made), *services))
    assert found is not None
    wanted = sum(len(paths) for paths, _, _ in made)
    defaults = sum(default for _, _, default in made)
    told = sum(problem.field == "spec.rules" for problem in found.problems)
    assert len(found.routes) - min(defaults, 1) + told == wanted
    assert sum(problem.field == "spec.defaultBackend" for problem in found.problems) == max(0, defaults - 1)


def test_a_wildcard_that_claims_tls_turns_the_hosts_below_it_to_https() -> None:
    made = objects.pipeline(objects.web(HOST))
    wildcard = objects.ingress("tls", objects.rule("*.example.com"), tls=[objects.tls("s", "*.example.com")])
    objects.put(made, wildcard)
    found = row(made)
    assert found is not None
    assert all(route.https_only for route in found.routes)
    objects.drop(made, wildcard)
    found = row(made)
    assert found is not None
    assert not any(route.https_only for route in found.routes)
