"""How a resource is shown to one Envoy: certificates under the name it asked for, hot hosts eagerly.

The delta stream carries bytes and asks here (`xds.stream.Presentation`); pure.
"""

from __future__ import annotations

from sealos_gateway.envoy import reading, types
from sealos_gateway.xds.planes import OWN


class EnvoyPresentation:
    """Certificates answer for every server name they cover; everything else answers only for its own name.

    `plane` is the data plane of the Envoy: on that of Gateways server names are other ones than those of Ingresses.
    """

    def __init__(self, plane: str = OWN) -> None:
        self._plane = plane

    def candidates(self, type_url: str, name: str) -> tuple[str, ...]:
        """Rows that can answer for a subscribed name, the best first."""
        if type_url != types.SECRET or "/" in name:
            return (name,)
        if self._plane != OWN:
            return (types.served(self._plane, name.lower()),)
        host = name.lower().rstrip(".")
        parent = host.partition(".")[2]
        return tuple(dict.fromkeys((host, f"*.{parent}", "*") if parent else (host, "*")))

    def present(self, type_url: str, name: str, _row_name: str, body: bytes, hot: bool) -> bytes:
        """The last change of bytes before they are sent."""
        if type_url == types.SECRET:
            return reading.named_secret(body, name)
        if hot and type_url == types.SCOPE:
            return body + reading.EAGER
        return body

    def absent(self, type_url: str, name: str) -> bytes | None:
        """A request that waits for routes would wait for ever if it heard 'removed': it gets an empty configuration,
        with which the search for a host goes on (wildcard, any host, 404)."""
        return reading.nothing(name) if type_url == types.ROUTES else None

    def invented(self, type_url: str, name: str) -> bool:
        """Server names, of which clients may send any; names with a slash stand in listeners and clusters."""
        return type_url != types.SECRET or "/" not in name

    def companions(self, type_url: str, body: bytes) -> tuple[tuple[str, str], ...]:
        """Clusters that no request loads: for copies, permission, error pages of routes, and for datagrams."""
        return tuple((types.CLUSTER, name) for name in reading.companions(type_url, body))

    def followed(self, type_url: str, body: bytes) -> bool:
        """Of a cluster that is shut Envoy asks for no endpoints, whatever its Service has."""
        return type_url != types.CLUSTER or reading.by_eds(body)
