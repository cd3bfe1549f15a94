"""A listener that Envoy cannot have is not said to be programmed, whatever else is right about it."""

from __future__ import annotations

import socket
from pathlib import Path

from sealos_gateway.resources.gateway_api.meta import Condition
from sealos_gateway.resources.meta import Ref
from tests.e2e import processes
from tests.e2e.gateway_api import objects
from tests.e2e.harness import Gateway, eventually
from tests.e2e.inside import Inside, running
from tests.e2e.manifests import Object

NAME = Ref("shop", "gw")


def gateway(*ports: int) -> Object:
    return objects.gateway(
        *({"name": f"p{number}", "port": port, "protocol": "HTTP"} for number, port in enumerate(ports))
    )


def told(inside: Inside) -> list[tuple[str, str]]:
    """Of the Gateway and then of its listeners, whether they are programmed, and why not."""
    status = inside.gateway.controller.pipeline.gateway_api.statuses.get(NAME)
    assert status is not None

    def programmed(conditions: tuple[Condition, ...]) -> tuple[str, str]:
        found = next(it for it in conditions if it.type == "Programmed")
        return found.status, found.message

    return [programmed(status.conditions), *(programmed(it.conditions) for it in status.listeners)]


async def test_a_port_that_somebody_else_has(tmp_path: Path) -> None:
    free, later = processes.free_ports(2)
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        async with running(Gateway(tmp_path, [objects.CLASS, gateway(free, port)])) as inside:

            def refused() -> None:
                whole, good, bad = told(inside)
                assert good == ("True", "it is served")
                assert whole == ("False", "Envoy refuses p1; the conditions of the listeners say why")
                assert bad[0] == "False"
                assert f"Envoy refuses port {port}" in bad[1]
                assert "Address already in use" in bad[1]

            await eventually(refused)
            assert any(f"port {port}" in str(it) for it in inside.gateway.controller.report.problems())
            inside.folder.apply(gateway(free, later))

            def served() -> None:
                assert [status for status, _ in told(inside)] == ["True", "True", "True"]

            await eventually(served)
            inside.folder.apply(gateway(free))
            await eventually(lambda: len(told(inside)) == 2)
