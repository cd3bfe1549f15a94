"""How fast changes may go out: what classes say, what is wrong with it, and which of several counts."""

from __future__ import annotations

import msgspec
import pytest

from sealos_gateway.envoy import names
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.resources.gateway_api import gateways, routes
from sealos_gateway.resources.ingress import Ingress, IngressClass, IngressClassSpec
from sealos_gateway.resources.meta import Resource
from sealos_gateway.settings import IngressSettings, PushSettings, Settings
from tests import objects

OURS = "sealos.io/gateway-controller"
BATCH, TTL = "sealos.io/cds-batch-size", "sealos.io/eds-cache-ttl"
WEB = BackendKey("shop", "web", 80)
SETTINGS = Settings(push=PushSettings(cds_batch_size=500, eds_cache_seconds=7))


def of(name: str, controller: str = OURS, default: bool = False, **said: str) -> IngressClass:
    """A class; `batch` and `ttl` are its annotations."""
    annotations = {{"batch": BATCH, "ttl": TTL}[key]: value for key, value in said.items()}
    if default:
        annotations["ingressclass.kubernetes.io/is-default-class"] = "true"
    return IngressClass(objects.metadata(name, "", annotations=annotations), IngressClassSpec(controller))


def site(class_name: str | None, host: str) -> Ingress:
    rule = objects.rule(host, objects.path("/"), objects.path("/other", "other"))
    return objects.ingress(host.partition(".")[0], rule, class_name=class_name)


def made(*resources: Resource, settings: Settings = SETTINGS) -> Pipeline:
    return objects.pipeline(objects.service(), objects.service("other"), *resources, settings=settings)


def batch(pipeline: Pipeline) -> int:
    return pipeline.pieces[names.CLUSTER]


def ttl(pipeline: Pipeline) -> float:
    return pipeline.endpoints_ttl()(WEB)


def test_without_annotations_the_settings_hold() -> None:
    found = made(of("sealos"), site("sealos", "a.com"))
    assert (batch(found), ttl(found)) == (500, 7)


def test_an_annotation_overrides_the_setting_in_both_directions() -> None:
    larger = made(of("sealos", batch="2000", ttl="60s"), site("sealos", "a.com"))
    assert (batch(larger), ttl(larger)) == (2000, 60)
    smaller = made(of("sealos", batch="100", ttl="0s"), site("sealos", "a.com"))
    assert (batch(smaller), ttl(smaller)) == (100, 0)


def test_the_smallest_batch_of_our_classes_counts() -> None:
    found = made(of("sealos", batch="2000"), of("mine", batch="100"), of("quiet"), of("theirs", "other", batch="1"))
    assert batch(found) == 100
    objects.drop(found, of("mine"))
    assert batch(found) == 2000
    objects.drop(found, of("sealos"))
    assert batch(found) == 500


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (("slow",), 60),
        (("slow", "slower"), 60),
        (("slow", "quiet"), 7),
        (("slow", "off"), 0),
        (("slow", None), 60),
        (("unknown-but-ours",), 7),
    ],
)
def test_a_backend_has_the_shortest_time_of_the_classes_that_route_to_it(
    classes: tuple[str | None, ...], expected: float
) -> None:
    sites = [site(name, f"h{number}.com") for number, name in enumerate(classes)]
    said = (of("slow", ttl="1m"), of("slower", ttl="90s", default=True), of("quiet"), of("off", ttl="0s"))
    ingress = IngressSettings(classes=("sealos", "unknown-but-ours"))
    settings = Settings(ingress=ingress, push=SETTINGS.push)
    assert ttl(made(*said, *sites, settings=settings)) == expected


def test_a_class_that_is_not_ours_says_nothing_and_is_not_judged() -> None:
    found = made(of("theirs", "other", ttl="nonsense", batch="0"))
    assert not found.problems()
    assert batch(found) == 500
    objects.put(found, of("theirs", OURS, ttl="nonsense", batch="5"))
    assert (len(found.problems()), batch(found)) == (1, 5)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("500ms", 0.5), ("1m30s", 90), ("1.5m", 90), ("1h", 3600), ("0", 0), ("0s", 0), ("0h0s", 0)],
)
def test_durations(text: str, seconds: float) -> None:
    found = made(of("sealos", ttl=text), site("sealos", "a.com"))
    assert not found.problems()
    assert ttl(found) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "60", "-1s", "1s ", "s", "1d", "1s2", "1,5s", "61m", "9" * 30 + "s", "٦s", "1\ns"]
)
def test_durations_that_cannot_be_used_are_told_and_the_setting_holds(text: str) -> None:
    found = made(of("sealos", ttl=text), site("sealos", "a.com"))
    (problem,) = found.problems()
    assert (str(problem.origin), problem.field) == ("IngressClass sealos", f"metadata.annotations[{TTL}]")
    assert "the setting holds meanwhile" in problem.message
    assert ttl(found) == 7
    objects.put(found, of("sealos", ttl="1s"))
    assert not found.problems()


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "100001", "1e3", "x", " 5", "٥", "9" * 5000])
def test_sizes_that_cannot_be_used_are_told_and_the_setting_holds(text: str) -> None:
    found = made(of("sealos", batch=text))
    (problem,) = found.problems()
    assert (problem.field, problem.reason) == (f"metadata.annotations[{BATCH}]", "InvalidAnnotation")
    assert "a whole number from 1 to 100000" in problem.message
    assert batch(found) == 500


def test_annotations_in_the_wrong_place_and_misspelt_ones_are_told() -> None:
    annotated = objects.ingress("web", objects.rule("a.com", objects.path("/")), annotations={TTL: "60s"})
    misspelt = IngressClass(objects.metadata("sealos", "", annotations={f"{TTL}s": "60s"}), IngressClassSpec(OURS))
    assert objects.problems(made(annotated, misspelt)) == [
        ("Ingress shop/web", f"metadata.annotations[{TTL}]", "MisplacedAnnotation"),
        ("IngressClass sealos", f"metadata.annotations[{TTL}s]", "UnknownAnnotation"),
    ]


def gateway(name: str, **said: str) -> list[Resource]:
    """A Gateway of ours with one route to `web`."""
    annotations = {{"batch": BATCH, "ttl": TTL}[key]: value for key, value in said.items()}
    listener = {"name": "http", "port": 8080, "protocol": "HTTP"}
    to_web = {"parentRefs": [{"name": name}], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}
    place = {"name": name, "namespace": "shop"}
    return [
        msgspec.convert({"metadata": {"name": "ours"}, "spec": {"controllerName": OURS}}, gateways.GatewayClass),
        msgspec.convert(
            {
                "metadata": place | {"annotations": annotations},
                "spec": {"gatewayClassName": "ours", "listeners": [listener]},
            },
            gateways.Gateway,
        ),
        msgspec.convert({"metadata": place, "spec": to_web}, routes.HTTPRoute),
    ]


def test_a_gateway_says_it_for_its_routes() -> None:
    found = made(*gateway("fast", batch="50", ttl="2s"), *gateway("quiet"))
    assert (batch(found), ttl(found)) == (50, 2)
    objects.drop(found, *gateway("fast")[1:])
    assert (batch(found), ttl(found)) == (500, 7)


def test_a_backend_of_a_class_and_a_gateway_has_the_shorter_time() -> None:
    found = made(of("sealos", ttl="60s"), site("sealos", "a.com"), *gateway("slow", ttl="120s"))
    assert ttl(found) == 60
    objects.put(found, *gateway("slow", ttl="1s"))
    assert ttl(found) == 1


def test_what_a_gateway_says_wrongly_is_told_on_it() -> None:
    found = made(*gateway("wrong", ttl="soon"))
    assert ("Gateway shop/wrong", f"metadata.annotations[{TTL}]", "InvalidAnnotation") in objects.problems(found)
    assert ttl(found) == 7
