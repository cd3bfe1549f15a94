"""What the families of annotations write into while one Ingress is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sealos_gateway.live import Read
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.translate.world import World


@dataclass
class Draft:
    """`policy` and `backend` hold the fields of `Policy` and `BackendPolicy` that were said so far.

    `nginx` says that the Ingress is of a class whose users expect the defaults of ingress-nginx.
    """

    ingress: Ingress
    nginx: bool
    read: Read
    world: World
    policy: dict[str, Any] = field(default_factory=dict)
    backend: dict[str, Any] = field(default_factory=dict)
    ssl_redirect: bool | None = None
