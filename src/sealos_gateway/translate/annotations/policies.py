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
from sealos_gateway.translate.policies import merging
from sealos_gateway.translate.policies.attached import Level
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
    #: `refused` is what a policy attached to the Ingress wants.
    closed: bool = False
    snippets: Snippets = Snippets()
    client_tls: ClientTls | None = None
    closes_host: bool = False
    passthrough: bool = False
    #: What a policy attached to the Ingress says, by the names of the fields: no BackendPolicy comes before it.
    firm: tuple[str, ...] = ()
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
    attached = read(world.attached[KIND], ref) if KIND in world.attached else None
    level = attached.at("") if attached else None
    if not ingress.metadata.annotations and not nginx and not world.rules.global_auth and level is None:
        return None
    values = Values(ingress.metadata, Origin(KIND, ref))
    draft = Draft(ingress, nginx, read, world)
    for family in _FAMILIES:
        family.read(values, draft)
    for side, changes in (("request_headers", draft.request_headers), ("response_headers", draft.response_headers)):
        if changes:
            draft.policy[side] = HeaderChanges(tuple(changes))
    _unknown(ingress, values)
    if level is not None:
        _over(draft, values, level)
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
        closed=level is not None and level.closed,
        snippets=draft.snippets,
        client_tls=draft.client_tls,
        closes_host=draft.closes_host,
        firm=_firm(level) if level else (),
        passthrough=draft.passthrough,
        secrets=tuple(draft.secrets),
        config_maps=tuple(draft.config_maps),
        authorities=tuple(draft.authorities),
        client_pairs=tuple(draft.client_pairs),
        problems=tuple(values.problems),
    )
    return None if found == NOTHING else found


def _over(draft: Draft, values: Values, level: Level) -> None:
    """What policies attached to the Ingress say comes before its annotations, field by field."""
    draft.policy = merging.merged([level.fields, draft.policy.items()])
    values.refused = values.refused or level.closed
    draft.closes_host = draft.closes_host or level.closes_host
    if level.client_tls is None:
        return
    wanted, own = level.client_tls, draft.client_tls or ClientTls()
    if draft.passthrough or any(not rule.host or rule.host.startswith("*") for rule in draft.ingress.spec.rules or ()):
        what = "TLS that goes to the backend unread" if draft.passthrough else "a wildcard or any host"
        message = f"clientTLS of {level.by[-1]} cannot hold for {what}; the routes answer 503 until it is corrected"
        values.problems.append(Problem(values.origin, "spec.rules", "ClientTlsConflict", message))
        values.refused, draft.passthrough = True, False
        return
    if wanted.certificates is not None:
        draft.authorities[wanted.certificates.authority] = None
    draft.client_tls = ClientTls(
        wanted.certificates or own.certificates,
        wanted.min_version or own.min_version,
        wanted.max_version or own.max_version,
        wanted.ciphers or own.ciphers,
    )


def _firm(level: Level) -> tuple[str, ...]:
    fields = dict(level.fields)
    times = fields.get("timeouts")
    return (*fields, "timeouts.idle") if times is not None and times.idle is not None else tuple(fields)


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
