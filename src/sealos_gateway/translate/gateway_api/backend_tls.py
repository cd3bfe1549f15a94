"""BackendTLSPolicy: how backends are spoken to by TLS, and whose certificates are good there.

Source: Gateway API, `BackendTLSPolicySpec`, `PolicyStatus` and GEP-713. A policy is about a Service, so it holds for
everybody who sends requests there. One that cannot be honoured shuts the backends that it is for: they would be
reached without the check that somebody asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from sealos_gateway.live import Index, Read, Rows
from sealos_gateway.model.backend_policy import BackendTls
from sealos_gateway.resources.core import Service
from sealos_gateway.resources.gateway_api.meta import LocalObjectReference
from sealos_gateway.resources.gateway_api.policies import BackendTLSPolicy, BackendTlsValidation, PolicyTarget
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import hosts, trust
from sealos_gateway.translate.gateway_api.listeners import ACCEPTED, NOTE, RESOLVED, Flaw
from sealos_gateway.translate.gateway_api.references import References

KIND: Final = "BackendTLSPolicy"
_SYSTEM: Final = "System"


class Target(NamedTuple):
    """A Service, and the name of one of its ports; without one the whole Service."""

    service: Ref
    section: str


class Demand(msgspec.Struct, frozen=True, gc=False):
    """What one policy asks for. Without `tls` nobody may be sent to its backends. Of two the one with the lower `age`
    (creation time, namespace, name) comes first."""

    age: tuple[str, str, str]
    tls: BackendTls | None
    flaws: tuple[Flaw, ...] = ()

    @property
    def reason(self) -> str:
        """Why it cannot be honoured."""
        return next((flaw.message for flaw in self.flaws if flaw.condition == ACCEPTED), "")


def targets(policy: BackendTLSPolicy) -> Iterator[Target]:
    """The Services that a policy is for; other kinds have no backends."""
    for it in policy.spec.target_refs:
        if _is_service(it):
            yield Target(Ref(policy.metadata.namespace, it.name), it.section_name or "")


def _is_service(target: PolicyTarget) -> bool:
    return (target.group, target.kind) == ("", "Service")


def references(policy: BackendTLSPolicy) -> References:
    """What has to be fetched for a policy: authorities, of its own namespace or of none."""
    found = dict.fromkeys(_authority(it, policy) for it in policy.spec.validation.ca_certificate_refs if _fits(it))
    secrets = tuple(it.ref for it in found if it.kind == trust.SECRET)
    maps = tuple(it.ref for it in found if it.kind == trust.CONFIG_MAP)
    return References(secrets, maps, tuple(found))


def _fits(reference: LocalObjectReference) -> bool:
    return (reference.group, reference.kind) in trust.KINDS


def _authority(reference: LocalObjectReference, policy: BackendTLSPolicy) -> Origin:
    return trust.origin(reference.kind, Ref(policy.metadata.namespace, reference.name))


# ---------------------------------------------------------------- what it asks for


def demand(policy: BackendTLSPolicy, read: Read, authorities: Rows[Origin, trust.Loaded]) -> Demand:
    """Of one policy, whatever others say."""
    metadata, wanted = policy.metadata, policy.spec.validation
    good, flaws = _authorities(policy, read, authorities)
    flaws += _identity_flaws(wanted)
    unknown = sorted(policy.spec.options or ())
    flaws += [
        Flaw(NOTE, "UnknownOption", f"spec.options[{key[:80]}] is not known and has no effect") for key in unknown
    ]
    refused = any(flaw.condition == ACCEPTED for flaw in flaws)
    tls = BackendTls(
        server_name=wanted.hostname.lower(),
        verify=True,
        authorities=good,
        system_trust=not good,
        names=tuple(_names(wanted)),
        uris=tuple(it.uri for it in wanted.subject_alt_names if it.type == "URI" and it.uri),
    )
    age = (metadata.creation_timestamp, metadata.namespace, metadata.name)
    return Demand(age, None if refused else tls, tuple(flaws))


def _names(wanted: BackendTlsValidation) -> Iterator[str]:
    """With alternative names the hostname is only what the backend is asked for."""
    if not wanted.subject_alt_names:
        yield wanted.hostname.lower()
    for it in wanted.subject_alt_names:
        if it.type == "Hostname" and it.hostname:
            yield it.hostname.lower()


def _authorities(
    policy: BackendTLSPolicy, read: Read, loaded: Rows[Origin, trust.Loaded]
) -> tuple[tuple[Origin, ...], list[Flaw]]:
    """Those that can be used, none where the machine's are meant; and what is wrong with the others."""
    where, wanted = "spec.validation", policy.spec.validation
    well_known = wanted.well_known_ca_certificates or ""
    if bool(well_known) == bool(wanted.ca_certificate_refs):
        text = f"{where}: name either caCertificateRefs or wellKnownCACertificates"
        return (), [Flaw(ACCEPTED, "Invalid", text)]
    if well_known:
        text = f"{where}.wellKnownCACertificates: {well_known[:80]!a} is not known; write {_SYSTEM}"
        return (), [] if well_known == _SYSTEM else [Flaw(ACCEPTED, "Invalid", text)]
    good: dict[Origin, None] = {}
    flaws: list[Flaw] = []
    for number, reference in enumerate(wanted.ca_certificate_refs):
        field = f"{where}.caCertificateRefs[{number}]"
        if not _fits(reference):
            text = (
                f"{field}: {reference.kind} of group {reference.group!a} is not supported; name a ConfigMap, a Secret"
            )
            text += " or a ClusterTrustBundle (certificates.k8s.io)"
            flaws.append(Flaw(RESOLVED, "InvalidKind", text))
            continue
        origin = _authority(reference, policy)
        found = read(loaded, origin)
        if found is None or found.bundle is None:
            text = found.error if found else f"{origin} does not exist"
            flaws.append(Flaw(RESOLVED, "InvalidCACertificateRef", f"{field}: {text}"))
        else:
            good[origin] = None
    if not good:
        text = f"no authority can be used, so nothing is sent to the backends: {flaws[0].message}"
        flaws.append(Flaw(ACCEPTED, "NoValidCACertificate", text))
    return tuple(good), flaws


def _identity_flaws(wanted: BackendTlsValidation) -> list[Flaw]:
    """The API server refuses most of this; files do not."""
    flaws = []
    if hosts.error(wanted.hostname) or wanted.hostname.startswith("*"):
        text = f"spec.validation.hostname: {wanted.hostname[:80]!a} is not the name of one host"
        flaws.append(Flaw(ACCEPTED, "Invalid", text))
    for number, it in enumerate(wanted.subject_alt_names):
        if (it.type, bool(it.hostname), bool(it.uri)) not in (("Hostname", True, False), ("URI", False, True)):
            text = f"spec.validation.subjectAltNames[{number}]: write type Hostname with hostname, or type URI with uri"
            flaws.append(Flaw(ACCEPTED, "Invalid", text))
    return flaws


# ---------------------------------------------------------------- who has the say


def contenders(target: Target, read: Read, by_target: Index[Target, Ref], demands: Rows[Ref, Demand]) -> list[Ref]:
    """The policies for exactly this target, the one that holds first."""
    found = ((row.age, ref) for ref in read(by_target, target) or () if (row := read(demands, ref)) is not None)
    return [ref for _, ref in sorted(found)]


def chosen(
    service: Ref, port: str, read: Read, by_target: Index[Target, Ref], demands: Rows[Ref, Demand]
) -> tuple[Ref, Demand] | None:
    """The policy that holds for a port, by its name: one for this very port before one for the whole Service."""
    for section in (port, "") if port else ("",):
        for ref in contenders(Target(service, section), read, by_target, demands)[:1]:
            row = read(demands, ref)
            return None if row is None else (ref, row)
    return None


# ---------------------------------------------------------------- what became of it


class Outcome(NamedTuple):
    """What became of a policy at one of its targets. `ports` are those of the Service that it is for, `winner` is the
    policy that has the say instead."""

    target: Target
    ports: tuple[int, ...]
    winner: Ref | None

    @property
    def flaw(self) -> Flaw | None:
        """Why the target has nothing of the policy."""
        where = f"Service {self.target.service}" + (f" port {self.target.section}" if self.target.section else "")
        if self.winner is not None:
            return Flaw(ACCEPTED, "Conflicted", f"{KIND} {self.winner} is older and has the say about {where}")
        return None if self.ports else Flaw(ACCEPTED, "TargetNotFound", f"{where} does not exist")


def outcome(target: Target, ref: Ref, service: Service | None, rivals: list[Ref]) -> Outcome:
    """Of the policy `ref`; `rivals` are all policies for the target."""
    ports = service.spec.ports if service else ()
    meant = tuple(it.port for it in ports if it.protocol == "TCP" and target.section in ("", it.name))
    return Outcome(target, meant, rivals[0] if rivals and rivals[0] != ref else None)


def problems(policy: BackendTLSPolicy, demanded: Demand, outcomes: Iterable[Outcome]) -> tuple[Flaw, ...]:
    """All that is wrong, whether or not a Gateway leads to the Services."""
    odd = [
        Flaw(ACCEPTED, "InvalidKind", f"spec.targetRefs[{number}]: {it.kind} has no backends; name a Service")
        for number, it in enumerate(policy.spec.target_refs)
        if not _is_service(it)
    ]
    return (*odd, *(flaw for it in outcomes if (flaw := it.flaw)), *demanded.flaws)
