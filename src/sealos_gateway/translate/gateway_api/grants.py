"""ReferenceGrants: who may refer to what in another namespace. A grant lives where the target does."""

from __future__ import annotations

from typing import NamedTuple

from sealos_gateway.live import Read
from sealos_gateway.resources.gateway_api.meta import GROUP
from sealos_gateway.resources.gateway_api.policies import ReferenceGrant
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate.gateway_api.world import GatewayWorld


class Referrer(NamedTuple):
    """A kind of object of the Gateway API in a namespace."""

    kind: str
    namespace: str
    group: str = GROUP


def permitted(referrer: Referrer, group: str, kind: str, target: Ref, read: Read, world: GatewayWorld) -> bool:
    """Whether the reference may be followed: within a namespace always, across with a grant."""
    if referrer.namespace == target.namespace:
        return True
    grants = (read(world.grants, ref) for ref in read(world.grants_by_namespace, target.namespace) or ())
    return any(grant is not None and _covers(grant, referrer, group, kind, target.name) for grant in grants)


def _covers(grant: ReferenceGrant, referrer: Referrer, group: str, kind: str, name: str) -> bool:
    come_from = any(
        (it.group, it.kind, it.namespace) == (referrer.group, referrer.kind, referrer.namespace)
        for it in grant.spec.from_
    )
    return come_from and any(
        (it.group, it.kind) == (group, kind) and it.name in (None, "", name) for it in grant.spec.to
    )
