"""Clusters that a resource needs and that no request loads: noted in its metadata, and read from its bytes (`reading`).

Envoy fetches the cluster that a request is routed to. It does not ask for those that copies of requests go to, or
questions about them, nor for those of datagrams, so the stream sends them before the resource (`xds.stream`).
"""

from __future__ import annotations

from collections.abc import Iterable

from sealos_gateway.envoy import api
from sealos_gateway.envoy.reading import COMPANIONS


def note(metadata: api.Message, clusters: Iterable[str]) -> None:
    """Write them into the metadata (envoy.config.core.v3.Metadata) of a virtual host or a listener."""
    if found := sorted(set(clusters)):
        metadata.filter_metadata[COMPANIONS].update({"clusters": found})
