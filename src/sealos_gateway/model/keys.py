"""The names of rows: hosts and backends."""

from __future__ import annotations

from typing import NamedTuple

from sealos_gateway.model.backend_policy import BackendPolicy


class HostKey(NamedTuple):
    """One host of one gateway: `a.com`, `*.a.com` or `*` (any host), always lower case."""

    gateway: str
    host: str


class BackendKey(NamedTuple):
    """One port of one Service, reached in one way: what one Envoy cluster stands for.

    Without a namespace `service` is a name of DNS, outside the cluster.

    `policy` says how it is reached where that differs from the usual way; routes with equal policies share a cluster.
    `transport` is `TCP` or `UDP`, as in Services: one may have both on the same number.
    """

    namespace: str
    service: str
    port: int
    policy: BackendPolicy | None = None
    transport: str = "TCP"
