"""Everything that the data plane of one Gateway is made from, as one value: equal plans need no new objects."""

from __future__ import annotations

from typing import Any

import msgspec

from sealos_gateway.resources.meta import Ref
from sealos_gateway.resources.profile import GatewayProfileSpec


class Options(msgspec.Struct, frozen=True):
    """What holds for all data planes; from settings."""

    controller: str
    image: str
    #: Where nodes find the control plane; empty: nothing is made.
    control: str
    xds_port: int
    enrol_port: int
    token_audience: str
    #: The ConfigMap with the authority of the control plane, whose `ca.crt` every data plane gets a copy of.
    authority: Ref
    #: Classes whose Gateways are served by the gateway's own nodes.
    shared_classes: frozenset[str] = frozenset()
    #: Every class is shared: there is no cluster to make anything in.
    shared: bool = False
    #: Settings of the control plane that hold for every data plane: group, name, value; the others are as nodes have
    #: them by themselves.
    settings: tuple[tuple[str, str, Any], ...] = ()
    #: Whether nodes log as JSON lines.
    log_json: bool = False
    #: Under these the gateway's own nodes are reached.
    addresses: tuple[str, ...] = ()


class Port(msgspec.Struct, frozen=True, order=True):
    """A port of the Service, and of the pods."""

    number: int
    protocol: str = "TCP"


class Plan(msgspec.Struct, frozen=True):
    gateway: Ref
    uid: str
    class_name: str
    ports: tuple[Port, ...]
    profile: GatewayProfileSpec
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    #: The address that is asked for, of those in `spec.addresses`.
    address: str = ""
    #: PEM of the control plane's authority; empty while it has none.
    authority: str = ""
