"""What is told to users: statuses of objects of the Gateway API and of our policies, and every problem of every object.

```
statuses      over each kind: what is to be written into `status`                                     Derived
problems      over the same: what of it is wrong, only of objects that have some                      Derived
nowhere       over Gateways without their class, ListenerSets and routes without a parent: that             Derived
ingresses     over ingresses: what is wrong with each          settings: with default certificates    Derived
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sealos_gateway.live import Derived, Graph, Read, Rows
from sealos_gateway.model.problem import Problem
from sealos_gateway.resources import kinds
from sealos_gateway.resources.kinds import Kind
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.tables.certificates import CertificateTables
from sealos_gateway.tables.gateways import GatewayServing
from sealos_gateway.tables.ground import Ground
from sealos_gateway.tables.hosts import HostTables
from sealos_gateway.tables.ingresses import IngressTables
from sealos_gateway.translate import statuses
from sealos_gateway.translate.gateway_api import problems
from sealos_gateway.translate.gateway_api.listeners import Flaw, ListenerRow

#: Why an Envoy does not take the listener at a place; empty: it does.
Refused = Callable[[str, Read], str]


@dataclass(frozen=True)
class StatusTables:
    """See the text of this module. Conditions have no times."""

    by_kind: dict[Kind, Derived[Ref, Any]]
    #: Only of objects that have some: whoever asks for all problems does not look at every route.
    problems: tuple[Derived[Ref, tuple[Problem, ...]], ...]


@dataclass(frozen=True)
class ProblemTables:
    """See the text of this module."""

    ingresses: Derived[Ref, tuple[Problem, ...]]
    settings: Derived[str, tuple[Problem, ...]]


def status_tables(
    graph: Graph, ground: Ground, serving: GatewayServing, attachments: Rows[Ref, Any], refused: Refused
) -> StatusTables:
    """The last step of Gateways, routes and policies. `attachments` has a row for each Ingress of ours."""
    routes = serving.routes

    def refused_listener(row: ListenerRow, read: Read) -> str:
        return refused(routes.place(row, read), read)

    def flaws_of_filters(row: ListenerRow, read: Read) -> tuple[Flaw, ...]:
        found = read(routes.prerouting, (row.owner, row.name))
        return found.flaws if found is not None else ()

    ground.gateway_api.tell(serving.provision.deployed, routes.counts, refused_listener, flaws_of_filters)
    of_routes = routes.tell({})
    ground.backend_tls.tell(routes.reach, ground.controller)
    of_policies = ground.policies.tell(ground.controller, _ours(ground, serving, attachments))
    by_kind: dict[Kind, Derived[Ref, Any]] = {
        kinds.GATEWAY_CLASS: serving.provision.class_statuses,
        kinds.GATEWAY: ground.gateway_api.statuses,
        kinds.LISTENER_SET: ground.gateway_api.set_statuses,
        **{kind: of_routes[kind.name] for kind in kinds.ROUTES},
        **{kind: of_policies[kind.name] for kind in kinds.POLICIES},
    }
    listeners = {kinds.GATEWAY: ground.gateway_api.listeners, kinds.LISTENER_SET: ground.gateway_api.set_listeners}
    found = [_problems(graph, kind, rows, listeners.get(kind)) for kind, rows in by_kind.items()]
    by_kind[kinds.BACKEND_TLS_POLICY] = ground.backend_tls.statuses
    return StatusTables(by_kind, (*found, *_nowhere(graph, ground, routes.routes), ground.backend_tls.problems))


def _nowhere(
    graph: Graph, ground: Ground, routes: Mapping[str, Rows[Ref, Any]]
) -> Iterator[Derived[Ref, tuple[Problem, ...]]]:
    """Of objects that no status is written for, as what they name does not exist."""
    world = ground.gateway_api.world
    parents: dict[str, Rows[Ref, Any]] = {"Gateway": world.gateways, "ListenerSet": world.listener_sets}

    def of_gateway(ref: Ref, read: Read) -> tuple[Problem, ...] | None:
        row = read(world.gateways, ref)
        there = row is None or read(ground.sources.gateway_classes, Ref("", row.spec.gateway_class_name)) is not None
        return None if row is None or there else (problems.of_class(row),)

    def of_others(kind: str, rows: Rows[Ref, Any], ref: Ref, read: Read) -> tuple[Problem, ...] | None:
        row, origin = read(rows, ref), Origin(kind, ref)

        def exists(parent: Origin) -> bool:
            return read(parents[parent.kind], parent.ref) is not None

        if row is None:
            return None
        if kind == "ListenerSet":
            return tuple(problems.of_parents(origin, (row.spec.parent_ref,), exists)) or None
        unnamed = problems.of_default_gateways(
            origin, row.spec, lambda scope: bool(read(world.default_gateways, scope))
        )
        return (*problems.of_parents(origin, row.spec.parent_refs, exists), *unnamed) or None

    yield Derived(graph, "gateways_without_class", of_gateway, world.gateways)
    for kind, rows in {"ListenerSet": world.listener_sets, **routes}.items():
        yield Derived(graph, f"{kind}_without_parent", partial(of_others, kind, rows), rows)


def _ours(ground: Ground, serving: GatewayServing, attachments: Rows[Ref, Any]) -> dict[str, Rows[Ref, Any]]:
    """Tables that have a row for each target of policies that is served here."""
    return {
        kinds.INGRESS.name: attachments,
        kinds.GATEWAY.name: ground.gateway_api.claims,
        kinds.LISTENER_SET.name: ground.gateway_api.set_claims,
        **{kind.name: serving.routes.attached[kind.name] for kind in (kinds.HTTP_ROUTE, kinds.GRPC_ROUTE)},
    }


def _problems(
    graph: Graph, kind: Kind, rows: Rows[Ref, Any], listeners: Rows[Ref, tuple[ListenerRow, ...]] | None
) -> Derived[Ref, tuple[Problem, ...]]:
    def compute(ref: Ref, read: Read) -> tuple[Problem, ...] | None:
        origin = Origin(kind.name, ref)
        notes = problems.of_listeners(origin, (read(listeners, ref) or ()) if listeners is not None else ())
        return (*problems.of_status(origin, read(rows, ref)), *notes) or None

    return Derived(graph, f"problems_{kind.plural}", compute, rows)


def problem_tables(
    graph: Graph, ground: Ground, ingresses: IngressTables, hosts: HostTables, certificates: CertificateTables
) -> ProblemTables:
    """What is wrong with Ingresses, and with what settings name."""

    def of_ingress(ref: Ref, read: Read) -> tuple[Problem, ...] | None:
        return statuses.ingress_problems(
            ref, read, ground.world,
            ingresses.attachments, hosts.ingress, certificates.certificates, ingresses.policies,
        )  # fmt: skip

    def of_setting(pattern: str, read: Read) -> tuple[Problem, ...]:
        wanted = read(certificates.defaults, pattern)
        assert wanted is not None
        return statuses.default_certificate_problems(pattern, read, wanted.secret, certificates.pairs)

    return ProblemTables(
        Derived(graph, "ingress_problems", of_ingress, ground.sources.ingresses),
        Derived(graph, "setting_problems", of_setting, certificates.defaults),
    )
