"""Which GatewayProfile counts for a Gateway, and what is wrong when there is none."""

from __future__ import annotations

from typing import NamedTuple

from sealos_gateway.live import Read, Rows
from sealos_gateway.resources import profile
from sealos_gateway.resources.gateway_api.gateways import Gateway, GatewayClass
from sealos_gateway.resources.meta import Ref
from sealos_gateway.resources.profile import GatewayProfile, GatewayProfileSpec

Profiles = Rows[Ref, GatewayProfile]


class Parameters(NamedTuple):
    """The profile, or why there is none: then nothing that runs is touched."""

    profile: GatewayProfileSpec | None
    problem: str = ""


def of_class(row: GatewayClass, read: Read, profiles: Profiles) -> Parameters:
    """The profile that `spec.parametersRef` of a class names; one with defaults where it names none."""
    wanted = row.spec.parameters_ref
    if wanted is None:
        return Parameters(GatewayProfileSpec())
    if wanted.namespace is None:
        return Parameters(None, f"spec.parametersRef: a {profile.KIND} has a namespace; add it")
    return _named("spec.parametersRef", (wanted.group, wanted.kind), Ref(wanted.namespace, wanted.name), read, profiles)


def of_gateway(row: Gateway, class_row: GatewayClass, read: Read, profiles: Profiles) -> Parameters:
    """The profile that the Gateway names, else that of its class."""
    if (own := own_of_gateway(row, read, profiles)) is not None:
        return own
    found = of_class(class_row, read, profiles)
    where = f"GatewayClass {class_row.metadata.name} "
    return found if found.profile else found._replace(problem=where + found.problem)


def own_of_gateway(row: Gateway, read: Read, profiles: Profiles) -> Parameters | None:
    """The profile that the Gateway itself names; None where it names none."""
    infrastructure = row.spec.infrastructure
    wanted = infrastructure.parameters_ref if infrastructure else None
    if wanted is None:
        return None
    ref = Ref(row.metadata.namespace, wanted.name)
    return _named("spec.infrastructure.parametersRef", (wanted.group, wanted.kind), ref, read, profiles)


def _named(field: str, kind: tuple[str, str], ref: Ref, read: Read, profiles: Profiles) -> Parameters:
    if kind != (profile.GROUP, profile.KIND):
        group, word = kind
        return Parameters(
            None, f"{field}: {word} of group {group!a} is not known; name a {profile.KIND} of {profile.GROUP}"
        )
    found = read(profiles, ref)
    if found is None:
        return Parameters(None, f"{field}: {profile.KIND} {ref} does not exist; make it, or name another")
    return Parameters(found.spec)
