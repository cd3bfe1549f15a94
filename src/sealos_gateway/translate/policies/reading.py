"""Reads one policy object: times, sizes, texts and references become values, and every mistake is told by its field."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sealos_gateway.live import Read
from sealos_gateway.model.header_names import FRAMING, TOKEN
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import HeaderAction, HeaderChange
from sealos_gateway.model.template import Of, Template, literal
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.resources.policies import common
from sealos_gateway.translate import trust
from sealos_gateway.translate.annotations import templates
from sealos_gateway.translate.annotations.values import networks
from sealos_gateway.translate.gateway_api import durations, grants
from sealos_gateway.translate.gateway_api.grants import Referrer
from sealos_gateway.translate.gateway_api.world import GatewayWorld
from sealos_gateway.translate.policies.said import Fault, Said, Target
from sealos_gateway.translate.world import World

INVALID, NOT_PERMITTED, NOT_FOUND = "Invalid", "RefNotPermitted", "BackendNotFound"
#: The gateway speaks with itself in these.
_PRIVATE = ("x-envoy-", "x-sealos-")
_UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
#: What Envoy can fill into headers of a response, and of a request.
IN_RESPONSE = frozenset(Of) - {Of.CAPTURE, Of.COOKIE, Of.ESCAPED_PATH_AND_QUERY}
IN_REQUEST = IN_RESPONSE - {Of.RESPONSE_HEADER, Of.STATUS, Of.UPSTREAM_ADDRESS}


class Reader:
    """What one policy is read with, and what was found."""

    def __init__(self, kind: str, policy: common.Policy, read: Read, world: World, gateways: GatewayWorld) -> None:
        self.origin = Origin(kind, policy.ref)
        self.read, self.world = read, world
        self._policy, self._gateways = policy, gateways
        self.fields: dict[str, Any] = {}
        self.invalid: list[Fault] = []
        self.unresolved: list[Fault] = []
        self.notes: list[str] = []
        self.secrets: dict[Ref, None] = {}
        self.config_maps: dict[Ref, None] = {}
        self.authorities: dict[Origin, None] = {}
        self.client_pairs: dict[Ref, None] = {}

    def done(self, targets: Iterable[common.ObjectTarget], **more: Any) -> Said:
        """Everything that was found. What is invalid by itself has no effect at all."""
        ref, metadata = self.origin.ref, self._policy.metadata
        named = {Target(Origin(it.kind, Ref(ref.namespace, it.name)), it.section_name or ""): None for it in targets}  # type: ignore[attr-defined]
        return Said(
            self.origin,
            (metadata.creation_timestamp, *ref),
            tuple(named),
            metadata.generation,
            fields=() if self.invalid else tuple(self.fields.items()),
            invalid=tuple(self.invalid),
            unresolved=tuple(self.unresolved),
            notes=tuple(self.notes),
            secrets=tuple(self.secrets),
            config_maps=tuple(self.config_maps),
            authorities=tuple(self.authorities),
            client_pairs=tuple(self.client_pairs),
            **more,
        )

    def wrong(self, field: str, message: str) -> None:
        self.invalid.append(Fault(field, INVALID, message))

    def missing(self, field: str, message: str, reason: str = NOT_FOUND) -> None:
        self.unresolved.append(Fault(field, reason, message))

    # ---------------------------------------------------------------- words

    def seconds(self, field: str, text: str | None, least: float = 0.0) -> float | None:
        """A duration; None where there is none, or it is told."""
        if text is None:
            return None
        found = durations.seconds(text)
        if found is None:
            self.wrong(field, f"{text[:40]!a} is not a duration as 1m30s")
        elif found < least:
            self.wrong(field, f"{text} is too short; {least:g}s is the least")
        else:
            return found
        return None

    def template(self, field: str, text: str, fits: Collection[Of]) -> Template | None:
        """Text with variables, of which only those can be filled in that are read from one of `fits`."""
        found = templates.filled(text, fits)
        if isinstance(found, Template):
            return found
        self.wrong(field, found)
        return None

    def networks(self, field: str, texts: tuple[str, ...]) -> tuple[str, ...]:
        found = networks(texts)
        if found is None and texts:
            self.wrong(field, f"{', '.join(texts)[:60]!r} are not addresses and networks as 10.0.0.0/8")
        return found or ()

    def changes(
        self, field: str, action: HeaderAction, wanted: tuple[common.Header, ...], fits: Collection[Of]
    ) -> list[HeaderChange]:
        """Headers with values, as changes of one kind."""
        found = []
        for number, one in enumerate(wanted):
            where = f"{field}[{number}]"
            if one.value and one.template:
                self.wrong(where, "write `value` or `template`, not both")
            value = self.template(where, one.template, fits) if one.template else self._literal(where, one.value)
            if value is not None and self.may_change(where, one.name):
                found.append(HeaderChange(action, one.name.lower(), value))
        return found

    def _literal(self, field: str, text: str) -> Template | None:
        if text.isprintable() and text.isascii():
            return literal(text)
        self.wrong(field, f"{text[:40]!a} cannot be the value of a header")
        return None

    def may_change(self, field: str, name: str) -> bool:
        """Whether a header is the user's to change."""
        lower = name.lower()
        if not TOKEN.fullmatch(name) or lower in FRAMING or lower == "host" or lower.startswith(_PRIVATE):
            self.wrong(field, f"the header {lower[:60]} belongs to the connection or the gateway and cannot be changed")
            return False
        return True

    # ---------------------------------------------------------------- references

    def service(self, field: str, reference: common.ServiceReference) -> BackendKey | None:
        """A port of a Service that exists and may be used."""
        ref = Ref(reference.namespace or self.origin.ref.namespace, reference.name)
        if not self._permitted(field, "Service", ref):
            return None
        service = self.read(self.world.services, ref)
        if service is None:
            self.missing(field, f"Service {ref} does not exist")
        elif not any(it.port == reference.port and it.protocol == "TCP" for it in service.spec.ports):
            self.missing(field, f"Service {ref} has no TCP port {reference.port}")
        else:
            return BackendKey(ref.namespace, ref.name, reference.port)
        return None

    def secret(self, field: str, reference: common.SecretReference) -> Ref | None:
        """A Secret that may be used, whether it exists or not: it is fetched."""
        ref = Ref(reference.namespace or self.origin.ref.namespace, reference.name)
        if not self._permitted(field, "Secret", ref):
            return None
        self.secrets[ref] = None
        return ref

    def authority(self, field: str, reference: common.AuthorityReference) -> Origin | None:
        """A Secret or ConfigMap with certificates of authorities that can be read."""
        ref = Ref(reference.namespace or self.origin.ref.namespace, reference.name)
        if not self._permitted(field, reference.kind, ref):
            return None
        (self.secrets if reference.kind == trust.SECRET else self.config_maps)[ref] = None
        origin = Origin(reference.kind, ref)
        loaded = trust.load(origin, self.read, self.world)
        if loaded.bundle is None:
            self.missing(field, loaded.error, "InvalidCACertificateRef")
            return None
        self.authorities[origin] = None
        return origin

    def _permitted(self, field: str, kind: str, ref: Ref) -> bool:
        if self.permitted(kind, ref):
            return True
        self.missing(
            field, f"{kind} {ref} is in another namespace, and no ReferenceGrant there allows it", NOT_PERMITTED
        )
        return False

    def permitted(self, kind: str, ref: Ref) -> bool:
        """Whether the policy may refer to an object of the core group."""
        referrer = Referrer(self.origin.kind, self.origin.ref.namespace, common.GROUP)
        return grants.permitted(referrer, "", kind, ref, self.read, self._gateways)


def size(quantity: int | str) -> int:
    """A quantity of Kubernetes in whole bytes; its form was checked when the object was read."""
    if isinstance(quantity, int):
        return quantity
    number = quantity.rstrip("kKMGi")
    return int(float(number) * _UNITS[quantity[len(number) :]])
