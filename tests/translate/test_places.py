"""Names of the gateway's own machine."""

from __future__ import annotations

import pytest

from sealos_gateway.translate import places


@pytest.mark.parametrize("name", ["localhost", "a.localhost", "127.0.0.1", "127.1", "0", "0.0.0.0", "169.254.169.254"])
def test_the_own_machine(name: str) -> None:
    assert places.is_own_machine(name)


@pytest.mark.parametrize("name", ["localhost.example.com", "128.0.0.1", "10.0.0.1", "auth.sso.svc.cluster.local"])
def test_other_machines(name: str) -> None:
    assert not places.is_own_machine(name)
