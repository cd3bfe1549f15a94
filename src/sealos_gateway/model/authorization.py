"""A service that says of each request whether it may pass, and may change it on its way (ext_authz)."""

from __future__ import annotations

import msgspec

from sealos_gateway.model.keys import BackendKey


class Authorization(msgspec.Struct, frozen=True, gc=False):
    """The request itself is asked about. By gRPC the service speaks Envoy's protocol; by HTTP it gets the method,
    Host, the path behind `path_prefix`, Content-Length and Authorization, and 200 means yes.

    `asks_with` are the request headers it is told (by gRPC: empty means all), `gives` those of its answer that the
    request gets (by HTTP: empty means all). With `body_bytes` it is told the body, which may not be longer. Headers are
    in lower case. A service that does not answer in `timeout` seconds, or fails, lets nobody pass.
    """

    backend: BackendKey
    grpc: bool = False
    path_prefix: str = ""
    asks_with: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    body_bytes: int = 0
    timeout: float = 10.0
    #: Of a route: what its policy says of the request's headers is done before the service is asked, and not after.
    sees_changes: bool = False
