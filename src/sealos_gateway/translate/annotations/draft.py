"""What the families of annotations write into while one Ingress is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.model.client_tls import ClientTls
from sealos_gateway.model.policy import HeaderChange
from sealos_gateway.model.template import Template
from sealos_gateway.model.traffic import NO_CONDITIONS, Conditions, Redirect, Target
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.world import World


class Canary(msgspec.Struct, frozen=True, gc=False):
    """Which requests of another Ingress' paths go to the backend of this one; header before cookie before weight."""

    weight: int = 0
    total: int = 100
    header: str = ""
    value: str = ""
    pattern: str = ""
    cookie: str = ""


class Snippets(NamedTuple):
    """The texts of `configuration-snippet` and `server-snippet`, where they are right."""

    location: str = ""
    server: str = ""


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
    force_ssl: bool = False
    #: What is said of paths; `rewrite_target` may name groups of the path's pattern.
    use_regex: bool = False
    full_regex: bool = False
    ignore_case: bool = False
    conditions: Conditions = NO_CONDITIONS
    #: A condition cannot be read: without it the paths would answer requests that are not meant for them.
    unmatched: bool = False
    rewrite_target: Template | None = None
    rewrite_prefix: str | None = None
    request_headers: list[HeaderChange] = field(default_factory=list)
    response_headers: list[HeaderChange] = field(default_factory=list)
    redirect: Redirect | None = None
    app_root: Redirect | None = None
    #: Backends instead of those of the Ingress.
    destination: tuple[Target, ...] = ()
    aliases: tuple[str, ...] = ()
    www: bool = False
    canary: Canary | None = None
    snippets: Snippets = field(default_factory=Snippets)
    client_tls: ClientTls | None = None
    #: TLS is for the backend and not for the gateway.
    passthrough: bool = False
    #: Clients were to be checked for the whole host, and cannot be.
    closes_host: bool = False
    #: What the annotations refer to: it is fetched because of this.
    secrets: dict[Ref, None] = field(default_factory=dict)
    config_maps: dict[Ref, None] = field(default_factory=dict)
    authorities: dict[Origin, None] = field(default_factory=dict)
    client_pairs: dict[Ref, None] = field(default_factory=dict)
