"""Many hostnames with TLS on one port of a Gateway: one filter chain, and certificates at the handshake.

On a data plane of the Gateway's own, through a real Envoy: which certificate is shown for which server name, which
requests a connection may carry, and what a change sends.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from sealos_gateway.envoy import api, names
from sealos_gateway.resources import core
from sealos_gateway.resources.meta import Resource
from tests import objects, pem
from tests.e2e import plane, processes, tls
from tests.e2e.backends import LOOPBACK, Echo
from tests.e2e.harness import eventually
from tests.e2e.plane import Plane
from tests.translate import gateways
from tests.translate.gateways import gateway, https, listener, listener_set
from tests.translate.test_routes import route, rule, to

ALL: dict[str, Any] = {"namespaces": {"from": "All"}}


def secret(name: str, *hosts: str, kind: str = "ecdsa", in_: str = "shop") -> Resource:
    return objects.secret(name, *pem.pair(*hosts, kind=kind), namespace=in_)


def behind(echo: Echo) -> list[Resource]:
    """A route for every host of the Gateway, and its backend."""
    return [
        gateways.gateway_class(), route("all", rule("/", to("web")), hosts=()), objects.service("web"),
        objects.slice_of("web", LOOPBACK, ports=(core.EndpointPort(echo.port),)),
    ]  # fmt: skip


async def shown(port: int, name: str, using: ssl.SSLContext | None = None) -> str:
    """The first name in the certificate for a server name; empty where the handshake is refused at once."""
    try:
        return (await tls.hello(port, name, using)).names[0]
    except tls.RefusedError as error:
        return "" if error.seconds < tls.AT_ONCE else str(error)


async def asked(port: int, server_name: str, *hosts: str) -> list[int]:
    """The answers to requests for these hosts on one connection."""
    async with tls.line(port, server_name) as (connection, _):
        return [await tls.status(connection, host) for host in hosts]


def chains(made: Plane, port: int) -> list[str]:
    """The filter chains of the listener of a port, as the relay has it."""
    row = made.snapshot.row(names.LISTENER, f"gateway/shop.edge/{port}")
    assert row is not None
    assert isinstance(row.body, bytes)
    return [chain.name for chain in api.listener.Listener.FromString(row.body).filter_chains]


async def test_hostnames_share_a_chain_and_each_shows_its_own_certificate(echo_a: Echo, tmp_path: Path) -> None:
    (port,) = processes.free_ports(1)
    one = gateway(https("a", port, "a", hostname="a.test"), https("b", port, "b", hostname="b.test"))
    objects_ = [*behind(echo_a), one, secret("a", "a.test"), secret("b", "b.test", kind="rsa")]
    async with plane.running(tmp_path, "shop.edge", *objects_) as made:
        assert chains(made, port) == [f"shop.edge/{port}"]
        assert [await shown(port, name) for name in ("a.test", "B.Test", "c.test", "x.a.test", "")] == [
            "a.test", "b.test", "", "", "",
        ]  # fmt: skip
        assert [await shown(port, name) for name in ("x*y", "xdstp://x")] == ["", ""]
        found = await tls.hello(port, "a.test", tls.context(alpn="h2 http/1.1"))
        assert found.alpn == "h2"
        assert await asked(port, "A.test", "a.test", "A.TEST:8443", "b.test", "c.test") == [200, 200, 421, 404]


async def test_hostnames_come_and_go_without_the_listener(echo_a: Echo, tmp_path: Path) -> None:
    """What is open stays open, and what changes is one certificate, one scope and one list of routes."""
    (port,) = processes.free_ports(1)
    more = listener_set(https("b", port, "b", hostname="b.test"))
    apart = listener_set(https("c", port, "c", hostname="c.test"), name="other")
    one = gateway(https("a", port, "a", hostname="a.test"), allowedListeners=ALL)
    pairs = [secret(name, f"{name}.test") for name in "abc"]
    everything = [*behind(echo_a), one, *pairs, more]
    async with (
        plane.running(tmp_path, "shop.edge", *everything) as made,
        tls.line(port, "a.test") as (first, _),
        tls.line(port, "b.test") as (second, _),
    ):
        assert await tls.status(first, "a.test") == 200
        made.put(apart)
        assert {type_: len(it) for type_, it in made.sent.items()} == {"secrets": 1, "scopes": 1, "routes": 1}
        await made.settled()
        assert await shown(port, "c.test") == "c.test"
        assert await asked(port, "c.test", "c.test", "a.test") == [404, 421]
        assert await tls.status(first, "c.test") == 421
        assert await tls.status(first, "a.test") == 200

        made.drop(more)
        assert {type_: len(it) for type_, it in made.sent.items()} == {"secrets": 1, "scopes": 1, "routes": 1}
        await made.settled()
        await eventually(lambda: _is(port, "b.test", ""))
        assert await tls.status(first, "a.test") == 200
        assert await tls.status(second, "b.test") == 404


async def _is(port: int, name: str, wanted: str) -> bool:
    return await shown(port, name) == wanted


async def test_a_certificate_that_is_renewed_broken_or_no_longer_granted(echo_a: Echo, tmp_path: Path) -> None:
    (port,) = processes.free_ports(1)
    one = gateway(
        https("a", port, "a", hostname="a.test"), https("b", port, "b", hostname="b.test"),
        https("c", port, "c", hostname="c.test", secret_namespace="safe"),
    )  # fmt: skip
    allowed = gateways.grant("safe", "Gateway", "Secret")
    pairs = [secret("a", "a.test"), secret("b", "b.test"), secret("c", "c.test", in_="safe")]
    async with plane.running(tmp_path, "shop.edge", *behind(echo_a), one, *pairs, allowed) as made:
        assert [await shown(port, name) for name in ("a.test", "b.test", "c.test")] == ["a.test", "b.test", "c.test"]
        made.put(secret("a", "renewed.test"))
        assert made.sent == {"secrets": ["served/shop.edge/a.test"]}
        await eventually(lambda: _is(port, "a.test", "renewed.test"))

        # One that has gone bad changes nothing, one that is gone closes its hostname.
        made.put(objects.secret("b", b"no certificate", b"no key"))
        assert made.sent == {}
        assert [await shown(port, name) for name in ("a.test", "b.test", "c.test")] == [
            "renewed.test", "b.test", "c.test",
        ]  # fmt: skip
        made.drop(secret("b", "b.test"))
        await eventually(lambda: _is(port, "b.test", ""))
        assert [await shown(port, name) for name in ("a.test", "c.test")] == ["renewed.test", "c.test"]
        made.put(secret("b", "b.test"))
        await eventually(lambda: _is(port, "b.test", "b.test"))

        made.drop(allowed)
        await eventually(lambda: _is(port, "c.test", ""))
        assert [await shown(port, name) for name in ("a.test", "b.test")] == ["renewed.test", "b.test"]


async def test_versions_and_ciphers_of_one_listener(echo_a: Echo, tmp_path: Path) -> None:
    """`tls.options`: for this hostname alone; the others of the port are as the settings say."""
    (port,) = processes.free_ports(1)
    cipher, two = "ECDHE-ECDSA-AES128-SHA", tls.Version.TLSv1_2

    def special(name: str, **options: str) -> dict[str, Any]:
        made = https(name, port, name, hostname=f"{name}.test")
        return made | {"tls": made["tls"] | {"options": {f"gateway.sealos.io/{k}": v for k, v in options.items()}}}

    new, old = special("new", **{"min-tls-version": "1.3"}), special("old", **{"max-tls-version": "TLSv1.2"})
    strict = special("strict", **{"cipher-suites": cipher})
    one = gateway(https("a", port, "a", hostname="a.test"), new, old, strict)
    pairs = [secret(name, f"{name}.test") for name in ("a", "new", "old", "strict")]
    async with plane.running(tmp_path, "shop.edge", *behind(echo_a), one, *pairs) as made:
        assert [await shown(port, f"{name}.test") for name in ("a", "new", "old", "strict")] == [
            "a.test", "new.test", "old.test", "strict.test",
        ]  # fmt: skip
        assert await tls.is_refused(port, "new.test", tls.context(highest=two))
        assert (await tls.hello(port, "a.test", tls.context(highest=two))).version == "TLSv1.2"
        assert (await tls.hello(port, "old.test")).version == "TLSv1.2"
        assert await tls.is_refused(
            port, "strict.test", tls.context(highest=two, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
        )
        weak = tls.context(highest=two, ciphers=f"{cipher}:@SECLEVEL=0")
        assert (await tls.hello(port, "strict.test", weak)).names == ("strict.test",)
        assert await tls.is_refused(
            port, "a.test", tls.context(lowest=two, highest=two, ciphers=f"{cipher}:@SECLEVEL=0")
        )
        assert await asked(port, "new.test", "new.test", "a.test") == [200, 421]
        # One that cannot be had shuts its listener, and nobody else's.
        made.put(gateway(https("a", port, "a", hostname="a.test"), special("new", **{"min-tls-version": "9"})))
        await eventually(lambda: _is(port, "new.test", ""))
        assert await shown(port, "a.test") == "a.test"


async def test_the_most_specific_hostname_answers_beside_wildcards(echo_a: Echo, tmp_path: Path) -> None:
    (port,) = processes.free_ports(1)
    hosts = {"any": "", "wide": "*.wild.test", "deep": "*.deep.wild.test", "own": "own.wild.test", "far": "far.test"}
    one = gateway(*(https(name, port, name, **({"hostname": it} if it else {})) for name, it in hosts.items()))
    pairs = [secret(name, f"{name}.cert") for name in hosts]
    wanted = {
        "own.wild.test": "own.cert", "x.wild.test": "wide.cert", "x.own.wild.test": "wide.cert",
        "x.deep.wild.test": "deep.cert", "deep.wild.test": "wide.cert", "far.test": "far.cert",
        "else.test": "any.cert", "": "any.cert", "wild.test": "any.cert",
    }  # fmt: skip
    async with plane.running(tmp_path, "shop.edge", *behind(echo_a), one, *pairs) as made:
        assert {name: await shown(port, name) for name in wanted} == wanted
        assert await asked(port, "own.wild.test", "own.wild.test", "x.wild.test", "far.test", "else.test") == [
            200, 421, 421, 421,
        ]  # fmt: skip
        assert await asked(port, "x.wild.test", "y.wild.test", "own.wild.test", "x.deep.wild.test") == [200, 421, 421]
        assert await asked(port, "else.test", "no.test", "own.wild.test", "far.test") == [200, 421, 421]
        less = gateway(*(https(name, port, name, hostname=it) for name, it in hosts.items() if it and name != "wide"))
        made.put(less)
        await eventually(lambda: _is(port, "x.wild.test", ""))
        assert [await shown(port, name) for name in ("own.wild.test", "x.deep.wild.test", "else.test")] == [
            "own.cert", "deep.cert", "",
        ]  # fmt: skip


async def test_two_ports_do_not_answer_for_each_other(echo_a: Echo, tmp_path: Path) -> None:
    """Nor for another Gateway, whose names this data plane never hears of."""
    one, two = processes.free_ports(2)
    both = gateway(
        https("a", one, "a", hostname="a.test"), https("both", one, "a", hostname="both.test"),
        https("same", one, "a", hostname="same.test"), https("b", two, "b", hostname="b.test"),
        https("other", two, "b", hostname="both.test"), https("too", two, "a", hostname="same.test"),
    )  # fmt: skip
    foreign = gateway(https("x", one, "b", hostname="a.test"), https("y", one, "b", hostname="y.test"), name="foreign")
    pairs = [secret("a", "a.cert"), secret("b", "b.cert")]
    async with plane.running(tmp_path, "shop.edge", *behind(echo_a), both, foreign, *pairs) as made:
        names_ = ("a.test", "b.test", "both.test", "same.test", "y.test", "")
        assert [await shown(one, name) for name in names_] == ["a.cert", "", "a.cert", "a.cert", "", ""]
        assert [await shown(two, name) for name in names_] == ["", "b.cert", "b.cert", "a.cert", "", ""]
        assert not [name for name in made.snapshot.names(names.SECRET) if "foreign" in name or "y.test" in name]


async def test_names_that_are_handed_on_unread_stand_beside(echo_a: Echo, tmp_path: Path) -> None:
    (port,) = processes.free_ports(1)
    passes = listener("pass", port, "TLS", hostname="*.raw.test", tls={"mode": "Passthrough"})
    one = gateway(https("a", port, "a", hostname="a.test"), https("in", port, "a", hostname="in.raw.test"), passes)
    async with plane.running(tmp_path, "shop.edge", *behind(echo_a), one, secret("a", "a.cert")):
        found = [await shown(port, name) for name in ("a.test", "in.raw.test", "x.raw.test", "else.test")]
        assert found == ["a.cert", "a.cert", "", ""]
        assert await asked(port, "in.raw.test", "in.raw.test", "a.test") == [200, 421]
