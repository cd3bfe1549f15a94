"""What the platform answers on every host: before all else, and at no cost for what does not change it."""

from __future__ import annotations

import pytest

from sealos_gateway import wiring
from sealos_gateway.model.keys import HostKey
from sealos_gateway.pipeline import Pipeline
from sealos_gateway.settings import IngressSettings, Settings, SettingsError
from tests import objects

CHALLENGE = objects.ingress("challenge", objects.rule("", objects.path("/check", "api")), namespace="platform")
API = objects.service("api", namespace="platform")


def made(size: int, *listed: str) -> Pipeline:
    found = objects.pipeline(settings=Settings(ingress=IngressSettings(on_every_host=listed)))
    for number in range(size):
        rule = objects.rule(f"h{number}.test", objects.path("/"), objects.path("/check", kind="Exact"))
        objects.put(found, objects.ingress("web", rule, namespace=f"n{number}"))
    objects.put(found, CHALLENGE, API)
    found.settle()
    return found


def first(found: Pipeline, host: str) -> str:
    row = found.hosts.get(HostKey("ingress", host))
    assert row is not None
    return str(row.routes[0].origin.ref)


def test_it_wins_over_an_exact_path_of_the_host() -> None:
    found = made(2, "platform/challenge")
    assert [first(found, host) for host in ("h0.test", "h1.test", "*")] == ["platform/challenge"] * 3


def test_nobody_has_a_say_whom_the_setting_does_not_name() -> None:
    assert first(made(1), "h0.test") == "n0/web"
    assert first(made(1, "other/challenge"), "h0.test") == "n0/web"


def test_it_goes_with_its_object() -> None:
    found = made(1, "platform/challenge")
    objects.drop(found, CHALLENGE)
    found.settle()
    assert first(found, "h0.test") == "n0/web"


def test_pods_and_notes_behind_it_wake_no_host() -> None:
    found = made(20, "platform/challenge")
    woken: list[HostKey] = []
    found.hosts.on_change.append(lambda key, _: woken.append(key))
    objects.put(found, objects.slice_of("api", "10.0.0.1", namespace="platform"))
    objects.put(found, objects.service("api", namespace="platform", annotations={"note": "new"}))
    found.settle()
    assert not woken
    objects.drop(found, API)
    found.settle()
    assert len(woken) == 21


@pytest.mark.parametrize("text", ["challenge", "a/b/c", "/b"])
def test_a_name_that_is_none_is_told(text: str) -> None:
    with pytest.raises(SettingsError, match=r"ingress\.on_every_host .* namespace/name"):
        wiring.rules(Settings(ingress=IngressSettings(on_every_host=(text,))))
