"""Our policies as live tables, made before anything that reads what they may be attached to.

said          over each kind of policy: what it says, once, however many objects it names
attached      for each kind of target, by its name: which of them hold there
statuses      over `said`: what is written back

A row of `attached` stands beside the object's own (`Rows.beside`): who reads the object is woken by its policies.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final

from sealos_gateway.live import Derived, Graph, Index, Read, Rows
from sealos_gateway.resources.gateway_api.policies import PolicyStatus
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.resources.policies import backend as backend_api
from sealos_gateway.resources.policies import security as security_api
from sealos_gateway.resources.policies import traffic as traffic_api
from sealos_gateway.translate.gateway_api.world import GatewayWorld
from sealos_gateway.translate.policies import attached as attaching
from sealos_gateway.translate.policies import backend, security, statuses, traffic
from sealos_gateway.translate.policies.attached import Attached, Place
from sealos_gateway.translate.policies.said import Said, Target
from sealos_gateway.translate.world import World

_READERS: Final[dict[str, Callable[..., Said]]] = {
    traffic_api.KIND: traffic.said,
    security_api.KIND: security.said,
    backend_api.KIND: backend.said,
}
SERVICE: Final = "Service"


class PolicyTables:
    """`policies` are the tables of our kinds by name, `targets` those of the objects that they may be attached to."""

    def __init__(
        self,
        graph: Graph,
        world: World,
        gateways: GatewayWorld,
        policies: dict[str, Rows[Ref, Any]],
        targets: dict[str, Rows[Ref, Any]],
    ) -> None:
        self._graph, self._world, self._gateways = graph, world, gateways
        self.policies, self.targets = policies, targets
        self.said: dict[str, Derived[Ref, Said]] = {kind: self._said(kind, table) for kind, table in policies.items()}
        self.attached: dict[str, Derived[Ref, Attached]] = {
            kind: self._attached(kind, table) for kind, table in targets.items()
        }

    def tell(self, controller: str, ours: dict[str, Rows[Ref, Any]]) -> dict[str, Derived[Ref, PolicyStatus]]:
        """Statuses by kind. `ours` are tables that have a row for each target that is served here; a kind without one
        is served whenever it is there."""

        def compute(said: Said, read: Read) -> PolicyStatus:
            def attached(target: Target) -> Attached | None:
                return read(self.attached[target.origin.kind], target.origin.ref)

            def state(target: Target) -> str:
                kind, ref = target.origin
                if read(self.targets[kind], ref) is None:
                    return "missing"
                return "ours" if kind not in ours or read(ours[kind], ref) is not None else "others"

            return statuses.status(said, controller, attached, state)

        def over(kind: str, rows: Rows[Ref, Said]) -> Derived[Ref, PolicyStatus]:
            def of(ref: Ref, read: Read) -> PolicyStatus | None:
                said = read(rows, ref)
                return compute(said, read) if said is not None else None

            return Derived(self._graph, f"status_{kind}", of, rows)

        return {kind: over(kind, rows) for kind, rows in self.said.items()}

    def told(self, places: Iterable[Place]) -> tuple[str, ...]:
        """The policies that hold at some places, for people."""
        found: dict[str, None] = {}
        for origin, sections in places:
            row = self.attached[origin.kind].get(origin.ref) if origin.kind in self.attached else None
            for section, level in row.levels if row is not None else ():
                if sections is None or section in sections:
                    where = f"{origin}, section {section}" if section else str(origin)
                    found |= dict.fromkeys(f"{policy} (at {where})" for policy in level.by)
        return tuple(found)

    def _said(self, kind: str, table: Rows[Ref, Any]) -> Derived[Ref, Said]:
        def compute(ref: Ref, read: Read) -> Said | None:
            policy = read(table, ref)
            return None if policy is None else _READERS[kind](policy, read, self._world, self._gateways)

        return Derived(self._graph, f"said_{kind}", compute, table)

    def _attached(self, kind: str, table: Rows[Ref, Any]) -> Derived[Ref, Attached]:
        def named(said: Said) -> set[Ref]:
            return {target.origin.ref for target in said.targets if target.origin.kind == kind}

        index: Index[Ref, Any] = Index(self._graph, f"policies_of_{kind}", named)
        for rows in self.said.values():
            index.also(rows)

        def compute(ref: Ref, read: Read) -> Attached:
            several = [found for member in read(index, ref) or () if (found := self._find(read, member)) is not None]
            return attaching.attached(Origin(kind, ref), several, sections(kind, read(table, ref)))

        found: Derived[Ref, Attached] = Derived(self._graph, f"attached_policies_{kind}", compute, index)
        found.beside(table)
        return found

    def _find(self, read: Read, member: tuple[str, Ref]) -> Said | None:
        name, ref = member
        return read(self.said[name.removeprefix("said_")], ref)


def sections(kind: str, found: Any) -> Collection[str]:
    """What a policy may name within an object."""
    return set(_sections(kind, found)) if found is not None else ()


def _sections(kind: str, found: Any) -> Iterator[str]:
    match kind:
        case "Gateway" | "ListenerSet":
            yield from (listener.name for listener in found.spec.listeners)
        case "HTTPRoute" | "GRPCRoute":
            yield from (rule.name for rule in found.spec.rules if rule.name)
        case "Service":
            yield from (port.name for port in found.spec.ports if port.name)
