"""What the cluster made of a plan: addresses under which the Gateway is reached, and whether anything serves there.

The reasons are those of the Gateway API's conditions `Accepted` and `Programmed` of Gateways.
"""

from __future__ import annotations

import ipaddress
from typing import Final, NamedTuple

import msgspec

from sealos_gateway.provision.plan import Plan
from sealos_gateway.resources.gateway_api.gateways import Gateway, GatewayStatusAddress
from sealos_gateway.resources.owned import OwnedDaemonSet, OwnedDeployment, OwnedService
from sealos_gateway.resources.profile import GatewayProfileSpec

IP: Final = "IPAddress"
HOSTNAME: Final = "Hostname"
#: Where only what is in the cluster gets to.
CLUSTER: Final = "Cluster"


class Fault(NamedTuple):
    """A condition that is False: `Accepted` or `Programmed`, why, and in words a user can act on."""

    condition: str
    reason: str
    message: str


class Deployed(NamedTuple):
    """Of one Gateway. Without faults it is reached at the addresses, and something serves there."""

    addresses: tuple[GatewayStatusAddress, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def ready(self) -> bool:
        return not self.faults


def unsupported_address(gateway: Gateway) -> Fault | None:
    """A wanted address of a kind that no Service can have."""
    for number, address in enumerate(gateway.spec.addresses):
        field = f"spec.addresses[{number}]"
        if address.type != IP:
            message = f"{field}.type: {address.type[:80]!a} is not supported; write {IP}"
            return Fault("Accepted", "UnsupportedAddress", message)
        if address.value and not _is_address(address.value):
            message = f"{field}.value: {address.value[:80]!a} is not an IP address"
            return Fault("Accepted", "UnsupportedAddress", message)
        if address.routability not in ("", CLUSTER):
            message = f"{field}.routability: {address.routability[:80]!a} is not supported; write {CLUSTER}, or nothing"
            return Fault("Accepted", "UnsupportedAddress", message)
    return None


def reached(profile: GatewayProfileSpec, gateway: Gateway) -> GatewayProfileSpec:
    """The profile with a Service that has an address outside of the cluster only where one is asked for."""
    wanted = gateway.spec.addresses
    if not wanted or any(it.routability != CLUSTER for it in wanted):
        return profile
    return msgspec.structs.replace(profile, service=msgspec.structs.replace(profile.service, type="ClusterIP"))


def wanted_addresses(gateway: Gateway) -> tuple[str, ...]:
    """The addresses that are asked for by value."""
    return tuple(address.value for address in gateway.spec.addresses if address.value)


def asked_of_service(gateway: Gateway) -> str:
    """The address by value that its Service is to have, outside of the cluster where it has both; empty for any."""
    outside = [it for it in gateway.spec.addresses if it.routability != CLUSTER]
    return next((it.value for it in outside or gateway.spec.addresses if it.value), "")


def unshared_address(gateway: Gateway) -> Fault | None:
    """A wanted address that the gateway's own nodes, which many share, cannot have."""
    if (found := unsupported_address(gateway)) is not None:
        return found
    if any(it.routability for it in gateway.spec.addresses):
        text = "spec.addresses: the shared nodes of this class have no address of the cluster; leave out routability"
        return Fault("Accepted", "UnsupportedAddress", text)
    return None


def shared(addresses: tuple[str, ...], gateway: Gateway) -> Deployed:
    """A Gateway that the gateway's own nodes serve."""
    known = tuple(address(one) for one in addresses)
    return Deployed(known, _unusable(wanted_addresses(gateway), known))


def read_back(
    plan: Plan, gateway: Gateway, service: OwnedService | None, workload: OwnedDeployment | OwnedDaemonSet | None
) -> Deployed:
    """What is there now."""
    addresses = _addresses(plan, service)
    if service is not None and any(it.routability == CLUSTER for it in gateway.spec.addresses):
        inside = [one for one in service.spec.cluster_ips if one != "None"]
        outside = tuple(it for it in addresses if it.value not in inside)
        addresses = (*outside, *(GatewayStatusAddress(one, IP, CLUSTER) for one in inside))
    faults = list(_unusable(wanted_addresses(gateway), addresses))
    if not plan.ports:
        faults.append(Fault("Programmed", "Invalid", "no listener has a port that can be served"))
    elif not addresses and not faults:
        faults.append(
            Fault("Programmed", "AddressNotAssigned", f"the {plan.profile.service.type} Service has no address yet")
        )
    if workload is None or not workload.available:
        faults.append(Fault("Programmed", "NoResources", f"no pod of {plan.profile.workload} is available yet"))
    return Deployed(addresses, tuple(faults))


def _addresses(plan: Plan, service: OwnedService | None) -> tuple[GatewayStatusAddress, ...]:
    profile = plan.profile.service
    if service is None:
        return ()
    match profile.type:
        case "LoadBalancer":
            points = service.status.load_balancer.ingress
            return tuple(address(point.ip or point.hostname) for point in points if point.ip or point.hostname)
        case "ClusterIP":
            return tuple(address(one) for one in service.spec.cluster_ips if one != "None")
    return tuple(address(one) for one in profile.addresses)


def _unusable(wanted: tuple[str, ...], there: tuple[GatewayStatusAddress, ...]) -> tuple[Fault, ...]:
    known = {it.value for it in there}
    missing = [one for one in wanted if one not in known]
    if not missing:
        return ()
    message = f"spec.addresses: {', '.join(missing)} cannot be had; name another address, or none"
    return (Fault("Programmed", "AddressNotUsable", message),)


def address(text: str) -> GatewayStatusAddress:
    """An address or a name, with the type that says which."""
    return GatewayStatusAddress(text, IP if _is_address(text) else HOSTNAME)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
