"""What `sgw translate` prints, as values."""

from __future__ import annotations

import json

import pytest
import yaml

from sealos_gateway import dump
from sealos_gateway.pipeline import Pipeline
from tests import objects, pem

PAIR = pem.pair("a.example.com")


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    made = objects.pipeline(
        objects.ingress(
            "web", objects.rule("a.example.com", objects.path("/")), tls=[objects.tls("cert")], created="2020"
        ),
        objects.ingress(
            "late", objects.rule("a.example.com", objects.path("/"), objects.path("/b", "gone")), created="2021"
        ),
        objects.service(),
        objects.slice_of("web", "10.0.0.1"),
        objects.secret("cert", PAIR.chain, PAIR.key),
    )
    return {entry.pop("object"): entry for entry in dump.per_object(made)}


def test_every_resource_stands_under_the_object_that_caused_it(found: dict[str, dict[str, dict[str, object]]]) -> None:
    kinds = {name: sorted(entry.get("resources", {})) for name, entry in found.items()}
    assert kinds == {
        "Settings": ["listeners"],
        "Ingress shop/web": ["routes", "scopes"],
        "Service shop/web": ["clusters", "endpoints"],
        "Secret shop/cert": ["secrets"],
        "Ingress shop/late": [],
    }


def test_problems_stand_under_their_object(found: dict[str, dict[str, list[str]]]) -> None:
    assert [problem.split(": ")[1] for problem in found["Ingress shop/late"]["problems"]] == [
        "PathConflict", "ServiceNotFound",
    ]  # fmt: skip


def test_no_key_and_no_certificate_is_shown(found: object) -> None:
    text = json.dumps(found)
    assert "PRIVATE KEY" not in text
    assert PAIR.key.decode().splitlines()[1] not in text
    assert "BEGIN CERTIFICATE" not in text


def test_it_can_be_written_as_json_and_as_plain_yaml(found: object) -> None:
    assert yaml.safe_load(yaml.safe_dump(found)) == found
    assert json.loads(json.dumps(found)) == found


def test_an_empty_gateway_has_listeners_only() -> None:
    made: Pipeline = objects.pipeline()
    (entry,) = dump.per_object(made)
    assert sorted(entry["resources"]["listeners"]) == ["http", "https"]


def test_a_service_that_is_reached_in_two_ways_has_two_clusters() -> None:
    said = {"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"}
    secure = objects.ingress("tls", objects.rule("b.test", objects.path("/")), annotations=said)
    found = {
        it["object"]: it for it in dump.per_object(objects.pipeline(objects.service(), objects.web("a.test"), secure))
    }
    assert len(found["Service shop/web"]["resources"]["clusters"]) == 2
