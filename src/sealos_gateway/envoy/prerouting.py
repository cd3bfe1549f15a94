"""Before a route is chosen: services that are asked about every request of a host, one after the other.

A connection manager has so many empty places as a host may need (`http_filters`), and the virtual host says what stands
in them (`fill`): a filter that waits inside a composite filter would go on behind it, so each has a place of its own.
When a service has changed the request, the route is looked for again. The private header that finds the host is neither
shown nor to be changed: the host stays what it was.
"""

from __future__ import annotations

from sealos_gateway.envoy import api, authorization, composites
from sealos_gateway.model.authorization import Authorization

_FILTER = "sealos.prerouting"


def http_filters(number: int) -> list[api.Message]:
    """So many places, with nothing in them unless the virtual host says what."""
    return [composites.empty(_name(index)) for index in range(number)]


def fill(virtual_host: api.Message, asked: tuple[Authorization, ...], domain: str) -> None:
    """Write into an envoy.config.route.v3.VirtualHost who is asked."""
    for index, one in enumerate(asked):
        steps = authorization.before_routes(one, domain)
        virtual_host.typed_per_filter_config[_name(index)].CopyFrom(composites.filled(_FILTER, steps))


def _name(index: int) -> str:
    return f"{_FILTER}.{index}"
