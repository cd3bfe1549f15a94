"""Clusters that a resource needs and that no request loads: noted in its metadata, and read from its bytes.

Envoy fetches the cluster that a request is routed to. It does not ask for those that copies of requests go to, or
questions about them, nor for those of datagrams, so the stream sends them before the resource (`xds.stream`).
"""

from __future__ import annotations

from collections.abc import Iterable

from sealos_gateway.envoy import api, names

_KEY = "sealos.companions"


def note(metadata: api.Message, clusters: Iterable[str]) -> None:
    """Write them into the metadata (envoy.config.core.v3.Metadata) of a virtual host or a listener."""
    if found := sorted(set(clusters)):
        metadata.filter_metadata[_KEY].update({"clusters": found})


def of_routes(body: bytes) -> tuple[str, ...]:
    """Of a serialised route configuration."""
    if _KEY.encode() not in body:
        return ()  # almost every one: not worth parsing
    message = api.route.RouteConfiguration.FromString(body)
    return tuple(name for host in message.virtual_hosts for name in _noted(host.metadata))


def of_listener(body: bytes) -> tuple[str, ...]:
    """Of a serialised listener."""
    if _KEY.encode() not in body:
        return ()
    return _noted(api.listener.Listener.FromString(body).metadata)


def of(type_url: str, body: bytes) -> tuple[str, ...]:
    """Of a serialised resource of any type."""
    reader = _READERS.get(type_url)
    return reader(body) if reader else ()


def _noted(metadata: api.Message) -> tuple[str, ...]:
    found = metadata.filter_metadata.get(_KEY)
    return tuple(str(name) for name in found["clusters"]) if found else ()


_READERS = {names.ROUTES: of_routes, names.LISTENER: of_listener}
