"""Changes under load: an answer is always one that the old or the new configuration gives, and nothing open is cut."""

from __future__ import annotations

import time

from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.conftest import Site
from tests.e2e.harness import eventually
from tests.e2e.load import load

ROUNDS = 8
#: Envoy waits so long for endpoints that do not come; a cluster that waits for them is a cluster that was forgotten.
INITIAL_FETCH_TIMEOUT = 15


async def becomes(site: Site, name: str, deadline: float = 5.0) -> None:
    async def check() -> None:
        assert (await site.answer())["name"] == name

    await eventually(check, deadline)


async def test_endpoints_are_replaced(two: Site, echo_a: Echo, echo_b: Echo) -> None:
    async with load(two) as found:
        for number in range(ROUNDS):
            echo = (echo_b, echo_a)[number % 2]
            two.slice("a", echo.port, "a-1")
            await becomes(two, echo.name)
    assert found.found.keys() == {"echo-a", "echo-b"}


async def test_a_route_moves_to_another_service(two: Site) -> None:
    async with load(two) as found:
        for number in range(ROUNDS):
            to = ("b", "a")[number % 2]
            two.ingress(f"{to}:80")
            await becomes(two, f"echo-{to}")
    assert found.found.keys() == {"echo-a", "echo-b"}


async def test_a_route_moves_to_a_service_that_comes_with_it(two: Site, echo_a: Echo, echo_b: Echo) -> None:
    """A new cluster, known to Envoy before the route that names it; and the old one goes after the route."""
    file = f"{two.namespace}-moving.json"

    async def move(name: str, echo: Echo) -> None:
        objects = [
            manifests.ingress("web", two.namespace, {two.host: f"{name}:80"}),
            manifests.service(name, two.namespace),
            manifests.endpoint_slice(name, two.namespace, ["127.0.0.1"], {"http": echo.port}),
        ]
        two.gateway.apply(*objects, file=file)
        await becomes(two, echo.name)

    two.delete(manifests.ingress("web", two.namespace))
    await move("fresh", echo_a)
    async with load(two) as found:
        for number in range(ROUNDS):
            await move(f"fresh-{number}", (echo_b, echo_a)[number % 2])
    two.gateway.delete(file=file)
    assert found.found.keys() == {"echo-a", "echo-b"}


async def test_the_port_of_a_service_changes(two: Site, echo_a: Echo) -> None:
    """The Ingress names the port: another cluster with the same endpoints, and never none."""
    two.ingress("a:http")
    await two.gateway.settled()
    async with load(two) as found:
        for number in range(ROUNDS):
            two.apply(manifests.service("a", two.namespace, manifests.port((8080, 80)[number % 2])))
            await two.gateway.settled()
            await found.more(5)
    assert found.found.keys() == {"echo-a"}


async def test_settings_of_a_cluster_change_and_its_endpoints_do_not(two: Site) -> None:
    """Envoy asks for the endpoints again and must be answered, else the new cluster waits for 15 s."""
    async with load(two) as found:
        for number in range(ROUNDS):
            protocol, version = (("kubernetes.io/h2c", "2"), ("", "1.1"))[number % 2]
            began = time.monotonic()
            two.apply(manifests.service("a", two.namespace, manifests.port(app_protocol=protocol)))

            async def speaks(version: str = version) -> None:
                assert (await two.answer())["http_version"] == version

            await eventually(speaks, INITIAL_FETCH_TIMEOUT - 1)
            assert time.monotonic() - began < 3
    assert found.found.keys() == {"echo-a"}


async def test_a_host_moves_between_ingresses(two: Site) -> None:
    """The new owner comes first, then the old one goes: the host is never without routes."""
    async with load(two) as found:
        for number in range(ROUNDS):
            new, old = (("other", "web"), ("web", "other"))[number % 2]
            two.ingress("a:80", name=new)
            await two.gateway.settled()
            two.delete(manifests.ingress(old, two.namespace))
            await two.gateway.settled()
            await found.more(5)
    assert found.found.keys() == {"echo-a"}


async def test_a_host_moves_between_files(two: Site, echo_a: Echo) -> None:
    """The same objects in another file, written before the old ones are removed."""
    objects = [
        manifests.service("a", two.namespace),
        manifests.endpoint_slice("a", two.namespace, ["127.0.0.1"], {"http": echo_a.port}),
        manifests.ingress("web", two.namespace, {two.host: "a:80"}),
    ]
    async with load(two) as found:
        two.gateway.apply(*objects, file=f"{two.namespace}-all.json")
        await two.gateway.settled()
        two.delete(*objects)
        await two.gateway.settled()
    two.gateway.delete(file=f"{two.namespace}-all.json")
    assert found.found.keys() == {"echo-a"}


async def test_a_host_that_goes_with_its_service_is_404_and_never_503(two: Site, echo_a: Echo) -> None:
    """Routes go before the clusters they name; come back, and clusters are there before the routes."""
    objects = [
        manifests.service("gone", two.namespace),
        manifests.endpoint_slice("gone", two.namespace, ["127.0.0.1"], {"http": echo_a.port}),
        manifests.ingress("gone", two.namespace, {f"gone.{two.host}": "gone:80"}),
    ]
    file, host = f"{two.namespace}-gone.json", f"gone.{two.host}"

    async def is_there(status: int) -> None:
        async def check() -> None:
            assert (await two.get(host=host)).status_code == status

        await eventually(check)

    two.gateway.apply(*objects, file=file)
    await is_there(200)
    async with load(two, host) as found:
        for _ in range(ROUNDS):
            two.gateway.delete(file=file)
            await is_there(404)
            two.gateway.apply(*objects, file=file)
            await is_there(200)
    two.gateway.delete(file=file)
    assert found.found.keys() == {"echo-a", "404"}


async def test_a_class_flips_under_load(two: Site) -> None:
    async with load(two) as found:
        for number in range(ROUNDS):
            two.ingress("a:80", class_name=("pause", "sealos")[number % 2])

            async def flipped(status: int = (404, 200)[number % 2]) -> None:
                assert (await two.get()).status_code == status

            await eventually(flipped, 2)
    assert found.found.keys() == {"echo-a", "404"}


async def test_an_exact_host_comes_and_goes_beside_a_wildcard(two: Site) -> None:
    two.ingress("b:80", name="wild", host=f"*.{two.host}")
    await two.gateway.settled()
    host = f"one.{two.host}"
    async with load(two, host) as found:
        for number in range(ROUNDS):
            exact = manifests.ingress("exact", two.namespace, {host: "a:80"})
            two.delete(exact) if number % 2 else two.apply(exact)

            async def changed(name: str = ("echo-a", "echo-b")[number % 2]) -> None:
                assert (await two.answer(host=host))["name"] == name

            await eventually(changed)
    assert found.found.keys() == {"echo-a", "echo-b"}


async def test_changes_elsewhere_touch_nobody(two: Site, echo_b: Echo) -> None:
    other = Site(two.gateway)
    other.backend("b", echo_b.port)
    try:
        async with load(two) as found:
            for number in range(100):
                other.ingress("b:80", name=f"i{number}", host=f"h{number}.{other.host}")
            await two.gateway.settled()
            other.clean()
            await two.gateway.settled()
    finally:
        other.clean()
    assert found.found.keys() == {"echo-a"}
