"""What is read from the bytes of resources, and put to them, where nobody has the rows they were made from.

That is beside an Envoy: in `presentation`, `hot` and the relay. Only the few generated modules that are read are
imported here, each with all that it imports is memory of every node; so this is a border to `xds-protos` beside `api`.
"""

from __future__ import annotations

from typing import Any

from envoy.config.core.v3 import address_pb2 as address
from envoy.config.listener.v3 import listener_pb2 as listener
from envoy.config.route.v3 import route_pb2 as route

from sealos_gateway.envoy import types

#: Where the metadata of a virtual host or a listener names the clusters that no request loads (`companions`).
COMPANIONS = "sealos.companions"
#: `eds_cluster_config` of a cluster on the wire, as `upstreams` writes it: field 3 around `api.ads()`.
_BY_EDS = b"\x1a\x06\x0a\x04\x1a\x00\x30\x02"
#: Appended to a serialised scope it says `on_demand: false` (field 4, varint; the last value of a field counts):
#: how a scope is made eager for one Envoy without another version of it.
EAGER = b"\x20\x00"
_NAME_OF_SECRET = b"\x0a"  # field 1, length-delimited


def nothing(name: str) -> bytes:
    """A route configuration without a single host: what a host that is gone answers with."""
    return bytes(route.RouteConfiguration(name=name).SerializeToString(deterministic=True))


def clusters(body: bytes) -> tuple[str, ...]:
    """The clusters that a serialised route configuration names as targets, for copies or for questions, each once."""
    message = route.RouteConfiguration.FromString(body)
    found: dict[str, None] = dict.fromkeys(_noted_in_routes(message))
    for host in message.virtual_hosts:
        for action in (one.route for one in host.routes if one.HasField("route")):
            found[action.cluster] = None
            found.update((one.name, None) for one in action.weighted_clusters.clusters)
            found.update((one.cluster, None) for one in action.request_mirror_policies)
    return tuple(name for name in found if name)


def companions(type_url: str, body: bytes) -> tuple[str, ...]:
    """The clusters that a serialised resource needs and that no request loads."""
    if COMPANIONS.encode() not in body:
        return ()  # almost every one: not worth parsing
    if type_url == types.ROUTES:
        return _noted_in_routes(route.RouteConfiguration.FromString(body))
    if type_url == types.LISTENER:
        return _noted(listener.Listener.FromString(body).metadata)
    return ()


def by_eds(body: bytes) -> bool:
    """Whether a serialised cluster has its endpoints from the stream. Not parsed: a node has no message for it."""
    return _BY_EDS in body


def place(body: bytes) -> tuple[str, int, bool]:
    """Address and port of a serialised listener, and whether it is one of UDP."""
    found = listener.Listener.FromString(body).address.socket_address
    return found.address, found.port_value, found.protocol == address.SocketAddress.UDP


def named_secret(body: bytes, name: str) -> bytes:
    """The serialised secret under a name: Envoy refuses one whose name is not what it asked for.

    Protobuf messages join by concatenation, so the name is put in front instead of parsing the key again.
    """
    return _NAME_OF_SECRET + _string(name) + body


def _string(text: str) -> bytes:
    """Length and bytes of a string on the wire."""
    data = text.encode()
    length, rest = b"", len(data)
    while rest > 0x7F:
        length, rest = length + bytes((rest & 0x7F | 0x80,)), rest >> 7
    return length + bytes((rest,)) + data


def _noted_in_routes(message: Any) -> tuple[str, ...]:
    return tuple(name for host in message.virtual_hosts for name in _noted(host.metadata))


def _noted(metadata: Any) -> tuple[str, ...]:
    found = metadata.filter_metadata.get(COMPANIONS)
    return tuple(str(name) for name in found["clusters"]) if found else ()
