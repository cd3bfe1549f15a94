"""All annotations of one Ingress as one value: `IngressPolicy`, computed once and read by each of its hosts."""

from __future__ import annotations

from typing import Any

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.model.backend_policy import BackendPolicy
from sealos_gateway.model.client_tls import ClientTls
from sealos_gateway.model.policy import HeaderChanges, Policy
from sealos_gateway.model.problem import Problem
from sealos_gateway.model.template import Template
from sealos_gateway.model.traffic import NO_CONDITIONS, Conditions, Redirect, Target
from sealos_gateway.resources.annotations import every
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.annotations import (
    access,
    answers,
    balance,
    body,
    client_tls,
    copies,
    destination,
    external,
    fastcgi,
    higress,
    limits,
    origins,
    passwords,
    redirects,
    routing,
    snippets,
    times,
    tracing,
    upstream,
    waf,
)
from sealos_gateway.translate.annotations.draft import Canary, Draft, Snippets
from sealos_gateway.translate.annotations.values import Values
from sealos_gateway.translate.ingress import class_names
from sealos_gateway.translate.world import World

KIND = "Ingress"
_FAMILIES = (  # one per line: every family adds its own
    answers,
    redirects,
    access,
    body,
    limits,
    times,
    balance,
    upstream,
    copies,
    routing,
    origins,
    higress,
    destination,
    passwords,
    external,
    snippets,
    client_tls,
    waf,
    tracing,
    fastcgi,
)


class PathRules(msgspec.Struct, frozen=True, gc=False):
    """How the paths of one Ingress are read. `regex`: as patterns, from the beginning, in any letter case (nginx);
    `full`: as patterns for the whole path (Higress); `nginx`: ImplementationSpecific is a prefix of the text."""

    nginx: bool = False
    use_regex: bool = False
    full: bool = False
    ignore_case: bool = False
    conditions: Conditions = NO_CONDITIONS
    unmatched: bool = False
    target: Template | None = None
    prefix: str | None = None

    @property
    def regex(self) -> bool:
        """Whether this Ingress turns all paths of its hosts into patterns."""
        return self.use_regex or self.target is not None


class IngressPolicy(msgspec.Struct, frozen=True, gc=False):
    """What the annotations of one Ingress say. `ssl_redirect` None: as the setting says. `refused`: answer 503.

    `secrets`, `config_maps`, `authorities` and `client_pairs` are what it refers to.
    """

    policy: Policy | None = None
    backend: BackendPolicy | None = None
    ssl_redirect: bool | None = None
    force_ssl: bool = False
    paths: PathRules = PathRules()
    redirect: Redirect | None = None
    app_root: Redirect | None = None
    destination: tuple[Target, ...] = ()
    aliases: tuple[str, ...] = ()
    www: bool = False
    canary: Canary | None = None
    refused: bool = False
    snippets: Snippets = Snippets()
    client_tls: ClientTls | None = None
    closes_host: bool = False
    passthrough: bool = False
    secrets: tuple[Ref, ...] = ()
    config_maps: tuple[Ref, ...] = ()
    authorities: tuple[Origin, ...] = ()
    client_pairs: tuple[Ref, ...] = ()
    problems: tuple[Problem, ...] = ()


NOTHING = IngressPolicy()


def ingress_policy(ref: Ref, read: Read, world: World) -> IngressPolicy | None:
    """The policy of one Ingress; None where nothing is said and nothing is inherited from its class."""
    ingress = read(world.ingresses, ref)
    if ingress is None:
        return None
    nginx = not world.rules.nginx_classes.isdisjoint(class_names(ingress, read, world))
    if not ingress.metadata.annotations and not nginx and not world.rules.global_auth:
        return None
    values = Values(ingress.metadata, Origin(KIND, ref))
    draft = Draft(ingress, nginx, read, world)
    for family in _FAMILIES:
        family.read(values, draft)
    for side, changes in (("request_headers", draft.request_headers), ("response_headers", draft.response_headers)):
        if changes:
            draft.policy[side] = HeaderChanges(tuple(changes))
    _unknown(ingress, values)
    found = IngressPolicy(
        policy=world.interned(_built(Policy, draft.policy)),
        backend=world.interned(_built(BackendPolicy, draft.backend)),
        ssl_redirect=draft.ssl_redirect,
        force_ssl=draft.force_ssl,
        paths=PathRules(
            draft.nginx,
            draft.use_regex,
            draft.full_regex,
            draft.ignore_case,
            draft.conditions,
            draft.unmatched,
            draft.rewrite_target,
            draft.rewrite_prefix,
        ),
        redirect=draft.redirect,
        app_root=draft.app_root,
        destination=draft.destination,
        aliases=draft.aliases,
        www=draft.www,
        canary=draft.canary,
        refused=values.refused,
        snippets=draft.snippets,
        client_tls=draft.client_tls,
        closes_host=draft.closes_host,
        passthrough=draft.passthrough,
        secrets=tuple(draft.secrets),
        config_maps=tuple(draft.config_maps),
        authorities=tuple(draft.authorities),
        client_pairs=tuple(draft.client_pairs),
        problems=tuple(values.problems),
    )
    return None if found == NOTHING else found


def _built(kind: Any, fields: dict[str, Any]) -> Any:
    """A policy of what the families said; None where they said nothing."""
    made = kind(**fields)
    return None if made == kind() else made


def _unknown(ingress: Ingress, values: Values) -> None:
    """A name in one of the domains we answer for that nobody knows is a mistake, not something to be ignored."""
    for name in ingress.metadata.annotations or ():
        if not name.startswith(every.DOMAINS):
            continue
        field, entry = f"metadata.annotations[{name}]", every.find(name)
        if entry is None:
            message = "no annotation of this name is known (docs/annotations.md lists them); it has no effect"
            values.problems.append(Problem(values.origin, field, "UnknownAnnotation", message))
        elif entry.kind != "Ingress":
            message = f"this annotation belongs on {entry.kind.replace(', ', ' or ')}; it has no effect here"
            values.problems.append(Problem(values.origin, field, "MisplacedAnnotation", message))
