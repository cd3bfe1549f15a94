"""BackendTLSPolicies as live tables, in three steps that others stand between.

references    over policies: authorities that have to be fetched; by_target groups policies by Service and port
demands       over policies: what each asks for (then backends read those for their own Service)
outcomes      over policies: who has the say at each target
statuses      over policies: what is written back; problems: what people are told
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sealos_gateway.live import Derived, Graph, Index, Read, Readable, Rows
from sealos_gateway.model.backend_policy import AS_IT_IS
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.problem import Problem
from sealos_gateway.resources.core import Service
from sealos_gateway.resources.gateway_api.policies import BackendTLSPolicy, PolicyStatus
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.gateway_api import backend_tls, policy_statuses
from sealos_gateway.translate.gateway_api.backend_tls import KIND, Demand, Outcome, Target
from sealos_gateway.translate.gateway_api.references import References
from sealos_gateway.translate.upstreams import Asked


class BackendTlsTables:
    """The first step; `judge` and `tell` are the others, each when what it reads exists."""

    def __init__(self, graph: Graph, policies: Rows[Ref, BackendTLSPolicy], services: Rows[Ref, Service]) -> None:
        self._graph, self._policies, self._services = graph, policies, services
        self.by_target: Index[Target, Ref] = Index(graph, "policies_by_target", backend_tls.targets, policies)
        self.references: Derived[Ref, References] = self._over("references", backend_tls.references)

    def judge(self, authorities: Rows[Origin, Any]) -> None:
        """The second step: `authorities` are what was made of everything in `references`."""
        self.demands: Derived[Ref, Demand] = self._over(
            "demands", lambda policy, read: backend_tls.demand(policy, read, authorities), reads=True
        )

    def asked(self, read: Read, service: Ref, port: str) -> Asked | None:
        """What is asked for of a port of a Service, by its name; None where no policy is for it."""
        found = backend_tls.chosen(service, port, read, self.by_target, self.demands)
        if found is None:
            return None
        ref, demand = found
        return Asked(demand.tls, "" if demand.tls is not None else f"{KIND} {ref}: {demand.reason}")

    def holder(self, key: BackendKey) -> Ref | None:
        """The policy that holds for a backend, for people who ask."""

        def read(table: Readable[Any, Any], key: Any, /) -> Any:
            return table.get(key)

        service = self._services.get(Ref(key.namespace, key.service))
        port = next((it.name for it in service.spec.ports if it.port == key.port), "") if service else ""
        found = backend_tls.chosen(Ref(key.namespace, key.service), port, read, self.by_target, self.demands)
        return found[0] if found and key.policy != AS_IT_IS else None

    def tell(self, reach: Index[Ref, Any], controller: str) -> None:
        """The third step: `reach` says through which Gateways the ports of a Service are reached."""

        def outcomes(policy: BackendTLSPolicy, read: Read) -> tuple[Outcome, ...]:
            return tuple(self._outcome(target, policy.ref, read) for target in backend_tls.targets(policy))

        self.outcomes: Derived[Ref, tuple[Outcome, ...]] = self._over("outcomes", outcomes, reads=True)

        def status(policy: BackendTLSPolicy, read: Read) -> PolicyStatus:
            demand, found = read(self.demands, policy.ref), read(self.outcomes, policy.ref) or ()
            reached = [(it, read(reach, it.target.service) or ()) for it in found]
            flaws = demand.flaws if demand else ()
            return policy_statuses.status(reached, flaws, controller, policy.metadata.generation)

        self.statuses: Derived[Ref, PolicyStatus] = self._over("statuses", status, reads=True)

        def problems(policy: BackendTLSPolicy, read: Read) -> tuple[Problem, ...] | None:
            demand, origin = read(self.demands, policy.ref), Origin(KIND, policy.ref)
            found = backend_tls.problems(policy, demand, read(self.outcomes, policy.ref) or ()) if demand else ()
            return tuple(Problem(origin, "", it.reason, it.message) for it in found) or None

        self.problems: Derived[Ref, tuple[Problem, ...]] = self._over("problems", problems, reads=True)

    def _outcome(self, target: Target, ref: Ref, read: Read) -> Outcome:
        rivals = backend_tls.contenders(target, read, self.by_target, self.demands)
        return backend_tls.outcome(target, ref, read(self._services, target.service), rivals)

    def _over(self, name: str, function: Callable[..., Any], reads: bool = False) -> Any:
        def compute(ref: Ref, read: Read) -> Any:
            policy = read(self._policies, ref)
            if policy is None:
                return None
            return function(policy, read) if reads else function(policy)

        return Derived(self._graph, f"backend_tls_{name}", compute, self._policies)
