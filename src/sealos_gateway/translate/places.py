"""Names that a tenant may not make the gateway connect to."""

from __future__ import annotations

import re

from sealos_gateway.resources.core import Service

#: The machine the gateway runs on, where ports may listen that are not for tenants; link-local addresses too, under
#: which clouds tell machines their credentials.
_OWN_MACHINE = re.compile(r"(.*\.)?localhost|127(\.[0-9]+){0,3}|0(\.0){0,3}|169\.254\..*")
_EXTERNAL = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.ASCII | re.IGNORECASE)


def is_own_machine(name: str) -> bool:
    """Whether a name in lower case, without a dot at its end, says the gateway's own machine."""
    return _OWN_MACHINE.fullmatch(name) is not None


def external_fault(service: Service, local: bool) -> str:
    """Why an ExternalName cannot be used; empty when it can, and for every other Service. `local` allows the gateway's
    own machine."""
    name = service.spec.external_name.rstrip(".").lower()
    if service.spec.type != "ExternalName":
        return ""
    if len(name) > 253 or not _EXTERNAL.fullmatch(name):
        return f"externalName {name[:80]!a} is not a DNS name; nothing is sent there until it is"
    if not local and is_own_machine(name):
        return f"externalName {name} is the gateway's own machine; the setting ingress.local_external_names allows it"
    return ""
