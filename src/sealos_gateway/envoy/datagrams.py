"""Listeners of UDP: the datagrams of one port, handed on as they are to one or several clusters.

Envoy keeps a session for each sender (address and port) and asks for a cluster when it begins. It has no weights for
datagrams, so they are a tree of yes and no: each question is one bit of a hash of the sender, and the answers make a
number of `_BITS` bits, whose range is cut in shares. The same sender gets the same answers on every Envoy and after
every restart (docs/decisions/034-udp.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sealos_gateway.envoy import access_log, api, companions, names
from sealos_gateway.envoy.listeners import Options

#: A cluster and its weight.
Share = tuple[str, int]
#: Shares are exact to half of 2**-_BITS of the whole.
_BITS = 12
#: The largest datagram there can be: Envoy drops what is larger than it was told, 1,500 bytes if it was told nothing.
_MAX_BYTES = 65_535


def listener(name: str, address: str, port: int, shares: Sequence[Share], options: Options) -> api.Message:
    """envoy.config.listener.v3.Listener. Without shares, datagrams are dropped."""
    message = api.listener.Listener(name=name, address=api.socket_address(address, port))
    message.address.socket_address.protocol = api.address.SocketAddress.UDP
    message.udp_listener_config.downstream_socket_config.max_rx_datagram_size.value = _MAX_BYTES
    message.listener_filters.add(
        name="envoy.filters.udp_listener.udp_proxy", typed_config=api.pack(_proxy(shares, options))
    )
    companions.note(message.metadata, (cluster for cluster, _ in shares if cluster != names.NOWHERE))
    return message


def _proxy(shares: Sequence[Share], options: Options) -> api.Message:
    """envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig."""
    message = api.udp_proxy.UdpProxyConfig(
        stat_prefix="udp", access_log=access_log.of_sessions(options.log_format, options.log_path)
    )
    message.upstream_socket_config.max_rx_datagram_size.value = _MAX_BYTES
    ends = list(_ends(shares)) or [(names.NOWHERE, 1 << _BITS)]
    _fill(message.matcher.on_no_match, ends, 0, _BITS)
    return message


def _ends(shares: Sequence[Share]) -> Iterator[tuple[str, int]]:
    """Each cluster with the end of its range; those too small for one are left out."""
    whole, upto, before = sum(weight for _, weight in shares), 0, 0
    for cluster, weight in shares:
        upto += weight
        end = ((upto << _BITS) + whole // 2) // whole
        if end > before:
            yield cluster, end
        before = end


def _fill(message: api.Message, ends: Sequence[tuple[str, int]], low: int, bits: int) -> None:
    """Write into an OnMatch where senders go whose number is from `low` on; `bits` of it are not known yet."""
    cluster, end = next(it for it in ends if it[1] > low)
    if end >= low + (1 << bits):
        route = api.udp_route.Route(cluster=cluster)
        message.action.CopyFrom(api.xds_extension.TypedExtensionConfig(name="route", typed_config=api.pack(route)))
        return
    bit = bits - 1
    asked = message.matcher.matcher_list.matchers.add()
    _ask(asked.predicate, bit)
    _fill(asked.on_match, ends, low + (1 << bit), bit)
    _fill(message.matcher.on_no_match, ends, low, bit)


def _ask(predicate: api.Message, bit: int) -> None:
    """Whether a bit of the number is 1: that of the address or that of the port, and not both.

    So it is even among senders that share an address, as behind a router, and among those that share a port, as
    servers that speak to each other do.
    """
    for address in (True, False):
        both = predicate.or_matcher.predicate.add().and_matcher
        _half(both.predicate.add() if address else both.predicate.add().not_matcher, _ADDRESS, 2 * bit)
        _half(both.predicate.add().not_matcher if address else both.predicate.add(), _PORT, 2 * bit + 1)


def _half(predicate: api.Message, asked: api.Message, seed: int) -> None:
    """True for one half of all values."""
    predicate.single_predicate.input.CopyFrom(asked)
    half = api.consistent_hashing.ConsistentHashing(threshold=1, modulo=2, seed=seed)
    predicate.single_predicate.custom_match.name = "half"
    predicate.single_predicate.custom_match.typed_config.CopyFrom(api.pack(half))


def _input(name: str, config: api.Message) -> api.Message:
    return api.xds_extension.TypedExtensionConfig(name=name, typed_config=api.pack(config))


_ADDRESS = _input("source-address", api.network_inputs.SourceIPInput())
_PORT = _input("source-port", api.network_inputs.SourcePortInput())
