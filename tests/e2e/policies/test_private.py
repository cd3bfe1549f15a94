"""What Envoy says when it refuses routes with passwords never holds a digest: not in problems, not in its own log."""

from __future__ import annotations

from pathlib import Path

import pytest

from sealos_gateway.envoy import names
from tests.e2e import manifests
from tests.e2e.backends import Echo
from tests.e2e.harness import Gateway
from tests.e2e.inside import Message, running
from tests.e2e.policies.test_basic_auth import BASIC, USERS, users


def no_name(message: Message) -> None:
    message.virtual_hosts[0].name = ""  # what Envoy's validation refuses, and quotes


def bad_regex(message: Message) -> None:
    message.virtual_hosts[0].routes.add().match.safe_regex.regex = "("


def wrong_metadata(message: Message) -> None:
    message.virtual_hosts[0].routes[0].typed_per_filter_config["sealos.access"].value = b"\xff\xff"


@pytest.mark.parametrize("how", [no_name, bad_regex, wrong_metadata])
async def test_a_refusal_quotes_no_digest(
    tmp_path: Path, echo_a: Echo, how: object, capfd: pytest.CaptureFixture[str]
) -> None:
    gateway = Gateway(tmp_path, [
        manifests.service("web", "shop"),
        manifests.endpoint_slice("web", "shop", ["127.0.0.1"], {"http": echo_a.port}),
        users("shop"),
        manifests.ingress("web", "shop", {"web.test": "web:80"}),
    ])  # fmt: skip
    async with running(gateway, log_level="warning") as inside:
        await inside.becomes("web.test", 200, "echo-a")
        inside.spoil(names.ROUTES, "ingress|web.test", how)  # type: ignore[arg-type]
        gateway.apply(manifests.ingress("web", "shop", {"web.test": "web:80"}, annotations=BASIC))
        (problem,) = await inside.rejected()
    seen = problem + capfd.readouterr().err
    for digest, _ in USERS.values():
        assert digest not in seen, seen[:2000]
        assert digest[-12:] not in seen
