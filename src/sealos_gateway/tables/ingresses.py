"""Ingresses: what each claims, who claims what, and what its annotations say.

```
attachments   over ingresses: the hosts and server names an Ingress of our class claims      Derived
claimants     over attachments: HostKey → Ingresses       names: server name → Ingresses     Index
policies      over attachments: what the annotations of an Ingress say                       Derived
```
"""

from __future__ import annotations

from dataclasses import dataclass

from sealos_gateway.live import Derived, Graph, Index
from sealos_gateway.model.keys import HostKey
from sealos_gateway.resources.meta import Ref
from sealos_gateway.translate import ingress as translate
from sealos_gateway.translate.annotations.policies import IngressPolicy, ingress_policy
from sealos_gateway.translate.ingress import Attachment
from sealos_gateway.translate.world import World


@dataclass(frozen=True)
class IngressTables:
    """See the text of this module."""

    attachments: Derived[Ref, Attachment]
    claimants: Index[HostKey, Ref]
    names: Index[str, Ref]
    policies: Derived[Ref, IngressPolicy]


def ingress_tables(graph: Graph, world: World) -> IngressTables:
    """What is said by Ingresses alone."""
    attachments: Derived[Ref, Attachment] = Derived(
        graph, "attachments", lambda ref, read: translate.attachment(ref, read, world), world.ingresses
    )
    claimants: Index[HostKey, Ref] = Index(graph, "claimants", lambda row: row.hosts, attachments)
    names: Index[str, Ref] = Index(graph, "names", _server_names, attachments)
    policies: Derived[Ref, IngressPolicy] = Derived(
        graph, "policies", lambda ref, read: ingress_policy(ref, read, world), attachments
    )
    return IngressTables(attachments, claimants, names, policies)


def _server_names(row: Attachment) -> tuple[str, ...]:
    return tuple(name for name, _ in row.server_names)
