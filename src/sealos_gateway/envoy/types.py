"""What every side of the protocol knows of Envoy's resources: their types, the order of these, names that are ours.

A relay has this file and `reading`, and nothing else of the room: it carries bytes. So neither imports the model.
"""

from __future__ import annotations

import base64
import hashlib

_PREFIX = "type.googleapis.com/envoy.config."
CLUSTER = f"{_PREFIX}cluster.v3.Cluster"
ENDPOINTS = f"{_PREFIX}endpoint.v3.ClusterLoadAssignment"
SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
LISTENER = f"{_PREFIX}listener.v3.Listener"
SCOPE = f"{_PREFIX}route.v3.ScopedRouteConfiguration"
ROUTES = f"{_PREFIX}route.v3.RouteConfiguration"

#: The cluster that never has an endpoint (`bootstrap`): connections that are sent there are closed.
NOWHERE = "sealos-nowhere"

#: The collector of spans (`tracing`): nobody asks for this cluster, so every Envoy gets it.
TRACING = "sealos-tracing"

#: Where passwords are hashed that take too long for a worker (`bootstrap`, `policies.access`).
PASSWORDS = "sealos-passwords"

#: Name of a validation context in the bootstrap: the certificate authorities of the machine that an Envoy runs on.
SYSTEM_AUTHORITIES = "system-authorities"

#: The key under which a cluster keeps how HTTP is spoken to it, and the type of that message.
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
HTTP_OPTIONS_URL = f"type.googleapis.com/{HTTP_OPTIONS}"

#: Make before break: a type is sent after those before it (the rules are in `xds/stream.py`).
ORDER = (SECRET, CLUSTER, ENDPOINTS, LISTENER, SCOPE, ROUTES)
#: What is removed only after everything that may name it has gone.
BREAK_LAST = frozenset({CLUSTER, ENDPOINTS, SCOPE})

SHORT = {
    CLUSTER: "clusters",
    ENDPOINTS: "endpoints",
    SECRET: "secrets",
    LISTENER: "listeners",
    SCOPE: "scopes",
    ROUTES: "routes",
}

#: Names of secrets that are bundles of certificate authorities, and hold no key, begin so (`names.trust`).
TRUST = "trust/"
#: Those that are certificates of server names on data planes of Gateways, so (`served`).
SERVED = "served/"


def scope(routes: str) -> str:
    """Name of the scope of a route configuration: a hash of 16 characters.

    For each change of a scope Envoy's main thread copies the names of all of them; up to 22 characters stay inside
    the string itself, longer ones are allocated one by one (docs/decisions/009-short-scope-names.md).
    """
    return base64.urlsafe_b64encode(hashlib.blake2b(routes.encode(), digest_size=12).digest()).decode()


def served(plane: str, hostname: str) -> str:
    """Name of the certificate of a server name on a data plane of Gateways. Its Envoys ask by the server name alone
    (`presentation`); another plane may have another certificate for it."""
    return f"{SERVED}{plane}/{hostname}"


def bundle(name: str) -> tuple[tuple[str, ...], ...]:
    """The objects (kind, namespace, name) that a bundle of authorities is named after; empty for any other name."""
    if not name.startswith(TRUST):
        return ()
    parts = tuple(tuple(one.split("/")) for one in name.removeprefix(TRUST).split("+"))
    return parts if all(len(it) == 3 for it in parts) else ()
