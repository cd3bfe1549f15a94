"""What the families of annotations write into while one Ingress is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sealos_gateway.live import Read
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.world import World


@dataclass
class Draft:
    """`policy` and `backend` hold the fields of `Policy` and `BackendPolicy` that were said so far.

    Whoever reads a Secret or ConfigMap notes it (`secrets`, `config_maps`), so that it is fetched and followed.
    `nginx` says that the Ingress is of a class whose users expect the defaults of ingress-nginx.
    """

    ingress: Ingress
    nginx: bool
    read: Read
    world: World
    policy: dict[str, Any] = field(default_factory=dict)
    backend: dict[str, Any] = field(default_factory=dict)
    ssl_redirect: bool | None = None
    #: What the annotations refer to: it is fetched because of this.
    secrets: dict[Ref, None] = field(default_factory=dict)
    config_maps: dict[Ref, None] = field(default_factory=dict)
    authorities: dict[Origin, None] = field(default_factory=dict)
    client_pairs: dict[Ref, None] = field(default_factory=dict)
