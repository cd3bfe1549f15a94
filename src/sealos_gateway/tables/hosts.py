"""Hosts: what answers for each, from Ingresses and from Gateways.

```
platform      one row: the routes of what the platform answers on every host                   Derived
ingress       over claimants: HostKey → VirtualHost                                            Derived
gateway       over what routes and listeners claim: the same (`GatewayServing.routes`)         Derived
```
"""

from __future__ import annotations

from dataclasses import dataclass

from sealos_gateway.live import Derived, Graph, Table
from sealos_gateway.model import traffic
from sealos_gateway.model.keys import HostKey
from sealos_gateway.model.traffic import VirtualHost
from sealos_gateway.tables.ingresses import IngressTables
from sealos_gateway.translate import virtual_hosts
from sealos_gateway.translate.everywhere import Everywhere, everywhere
from sealos_gateway.translate.gateway_api.route_tables import RouteTables
from sealos_gateway.translate.world import World


@dataclass(frozen=True)
class HostTables:
    """See the text of this module."""

    #: `everywhere.KEY` where settings name Ingresses that answer on every host.
    platform_paths: Table[str, bool]
    ingress: Derived[HostKey, VirtualHost]
    gateway: Derived[HostKey, VirtualHost]

    def get(self, key: HostKey) -> VirtualHost | None:
        """What answers for a host: Ingresses, Gateways, or both, the more specific match first; an Ingress on a tie."""
        one, other = self.ingress.get(key), self.gateway.get(key)
        if one is None or other is None:
            return one or other
        return traffic.together(one, other)

    def keys(self) -> set[HostKey]:
        """Every host that somebody answers for."""
        return {*self.ingress.rows, *self.gateway.rows}


def host_tables(graph: Graph, world: World, ingresses: IngressTables, routes: RouteTables) -> HostTables:
    """The hosts of Ingresses, beside those of Gateways."""
    names, claimants, policies = ingresses.names, ingresses.claimants, ingresses.policies
    paths: Table[str, bool] = Table(graph, "platform_paths")
    platform: Derived[str, Everywhere] = Derived(
        graph, "everywhere", lambda key, read: everywhere(key, read, world, ingresses.attachments, policies), paths
    )
    hosts: Derived[HostKey, VirtualHost] = Derived(
        graph,
        "hosts",
        lambda key, read: virtual_hosts.virtual_host(key, read, world, claimants, names, policies, platform),
        claimants,
    )
    return HostTables(paths, hosts, routes.hosts)
