"""Paths that the platform answers on every host: those of a few Ingresses without a host that a setting names.

One row holds their routes, read by every host, so a Service or pods behind them wake no host; only another path,
backend or policy of such an Ingress does (docs/decisions/027-paths-on-every-host.md).
"""

from __future__ import annotations

import msgspec

from sealos_gateway.live import Read, Rows
from sealos_gateway.model.traffic import Route, VirtualHost
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import ingress_routes
from sealos_gateway.translate.annotations import snippets
from sealos_gateway.translate.annotations.draft import Snippets
from sealos_gateway.translate.annotations.policies import NOTHING, IngressPolicy
from sealos_gateway.translate.hosts import ANY_HOST
from sealos_gateway.translate.ingress import Attachment
from sealos_gateway.translate.ingress_backends import KIND
from sealos_gateway.translate.ingress_routes import Place
from sealos_gateway.translate.world import World

#: The key of the only row.
KEY = "all"


class Everywhere(msgspec.Struct, frozen=True, gc=False):
    """The routes, in order of precedence. They are never redirected to HTTPS because the host has TLS."""

    routes: tuple[Route, ...] = ()


def everywhere(
    _: str, read: Read, world: World, attachments: Rows[Ref, Attachment], policies: Rows[Ref, IngressPolicy]
) -> Everywhere | None:
    """The routes of all Ingresses that the setting names, as far as they exist and their class is ours."""
    found: list[Route] = []
    said: dict[Origin, Snippets] = {}
    for ref in world.rules.on_every_host:
        ingress = read(world.ingresses, ref)
        if ingress is None or read(attachments, ref) is None:
            continue
        policy = read(policies, ref) or NOTHING
        # What is told here the row of any host tells, too.
        candidates, _told = ingress_routes.routes(
            ingress, Place(ANY_HOST, secure=False, regex=policy.paths.regex), read, world, policy
        )
        found += (candidate.route for candidate in candidates if not candidate.last)
        if policy.snippets != NOTHING.snippets and not policy.refused:
            said[Origin(KIND, ref)] = policy.snippets
    found.sort(key=lambda route: route.match.sort_key)
    return Everywhere(snippets.applied(found, ANY_HOST, said, [], world))


def added(host: VirtualHost, read: Read, world: World, rows: Rows[str, Everywhere]) -> VirtualHost:
    """The host with the platform's routes in front of its own: whatever a tenant says, they answer."""
    if not world.rules.on_every_host or host.key.host == ANY_HOST:
        return host
    row = read(rows, KEY)
    if row is None or not row.routes:
        return host
    origins = dict.fromkeys((*host.origins, *(route.origin for route in row.routes)))
    return msgspec.structs.replace(host, routes=(*row.routes, *host.routes), origins=tuple(origins))
