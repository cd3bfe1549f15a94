"""What a Gateway says of its addresses."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest

from sealos_gateway.provision.deployed import Deployed, Fault, address
from sealos_gateway.resources.gateway_api.gateways import Gateway
from sealos_gateway.translate.gateway_api import statuses

_MISSING = Fault("Programmed", "AddressNotUsable", "192.0.2.1 cannot be had")


def assigned(wanted: list[dict[str, str]], *there: str, faults: tuple[Fault, ...] = ()) -> tuple[str, str] | None:
    spec: dict[str, Any] = {"gatewayClassName": "ours", "addresses": wanted}
    metadata = {"name": "gw", "namespace": "shop", "generation": 7}
    gateway = msgspec.convert({"metadata": metadata, "spec": spec}, Gateway)
    deployed = Deployed(tuple(address(one) for one in there), faults)
    # A Fault is a Flaw in all but its name.
    found = statuses.gateway_status(
        gateway, (), (), cast(Any, deployed), 0, lambda *_: 0, lambda _: "", lambda _: False
    )
    of_addresses = [it for it in found.conditions if it.type == "AddressesAssigned"]
    assert all(it.observed_generation == 7 and it.message for it in of_addresses)
    return (of_addresses[0].status, of_addresses[0].reason) if of_addresses else None


ONE, OTHER = {"value": "10.0.0.5"}, {"value": "192.0.2.1"}


@pytest.mark.parametrize(
    ("wanted", "there", "faults", "said"),
    [
        ([], (), (), None),
        ([ONE], (), (Fault("Programmed", "AddressNotAssigned", "none yet"),), None),
        ([], ("10.0.0.5",), (), ("True", "AddressesAssigned")),
        ([ONE], ("10.0.0.5",), (), ("True", "AddressesAssigned")),
        ([ONE, OTHER], ("10.0.0.5",), (_MISSING,), ("False", "PartiallyAssigned")),
        ([{}, OTHER], ("10.0.0.5",), (_MISSING,), ("False", "PartiallyAssigned")),
        ([OTHER], ("10.0.0.5",), (_MISSING,), ("False", "NotAssigned")),
        ([OTHER], (), (_MISSING,), ("False", "NotAssigned")),
        ([ONE], ("10.0.0.5",), (Fault("Accepted", "UnsupportedAddress", "no"),), ("False", "NotAssigned")),
    ],
)
def test_whether_the_wanted_addresses_are_there(
    wanted: list[dict[str, str]], there: tuple[str, ...], faults: tuple[Fault, ...], said: tuple[str, str] | None
) -> None:
    assert assigned(wanted, *there, faults=faults) == said
