"""The listeners of a Gateway or of a ListenerSet, each judged: what it serves, or what is wrong with it.

A listener that is wrong in one thing is still a listener: routes attach to it and are counted. Only what `serves` has
a place on the wire. Rows are per owner; who routes look for is found by the owner and the name of the listener.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from sealos_gateway.live import Read
from sealos_gateway.model.client_tls import ClientTls
from sealos_gateway.resources.gateway_api.gateways import Gateway, Listener, ListenerFilter, RouteNamespaces
from sealos_gateway.resources.gateway_api.meta import GROUP, ObjectReference, RouteGroupKind, SecretReference
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import trust
from sealos_gateway.translate.gateway_api import filter_faults, grants, references, tls_options
from sealos_gateway.translate.gateway_api.claims import HOSTNAME, PROTOCOL, Claims
from sealos_gateway.translate.gateway_api.grants import Referrer
from sealos_gateway.translate.gateway_api.references import TERMINATE
from sealos_gateway.translate.gateway_api.world import GatewayWorld, Loaded

UDP: Final = "UDP"
#: The kinds of routes that a listener of a protocol can serve, in the order in which the status names them.
KINDS: Final[dict[str, tuple[str, ...]]] = {
    "HTTP": ("HTTPRoute", "GRPCRoute"),
    "HTTPS": ("HTTPRoute", "GRPCRoute"),
    "TLS": ("TLSRoute",),
    "TCP": ("TCPRoute",),
    UDP: ("UDPRoute",),
}
PASSTHROUGH: Final = "Passthrough"
INVALID_FILTER: Final = "InvalidListenerFilter"
MOST_FILTERS: Final = 16
ACCEPTED, RESOLVED, CONFLICTED = "Accepted", "ResolvedRefs", "Conflicted"
#: In place of a condition: what is worth telling and costs nothing.
NOTE: Final = ""
_CONFLICTS: Final = {
    HOSTNAME: "another listener has the same hostname; give this one a hostname or a port of its own",
    PROTOCOL: "another listener has a protocol that cannot share the port; give this one another port",
}
#: What `spec.tls.frontend` means when a client shows no good certificate.
INSECURE_FALLBACK: Final = "AllowInsecureFallback"


class Flaw(NamedTuple):
    """What is wrong: the condition that is not as it should be, why, and in words."""

    condition: str
    reason: str
    message: str


#: Of several flaws the first of these is the reason; what is not here comes behind.
_BY_WEIGHT: Final = ("RefNotPermitted", "InvalidKind", "InvalidCACertificateKind", "BackendNotFound")
_TOLD: Final = 5


def summed(flaws: Iterable[Flaw], condition: str) -> Flaw | None:
    """All flaws of one condition as one: the reason is that of the gravest, the words are those of the first few."""
    found = [flaw for flaw in flaws if flaw.condition == condition]
    if not found:
        return None
    gravest = min(found, key=lambda it: _BY_WEIGHT.index(it.reason) if it.reason in _BY_WEIGHT else len(_BY_WEIGHT))
    words = list(dict.fromkeys(flaw.message for flaw in (gravest, *found)))
    more = f"; and {len(words) - _TOLD} more" if len(words) > _TOLD else ""
    return gravest._replace(message="; ".join(words[:_TOLD]) + more)


class ListenerRow(msgspec.Struct, frozen=True, gc=False):
    """One listener. `hostname` is lower case, empty for any; `mode` is empty without TLS."""

    gateway: Ref
    owner: Origin
    name: str
    port: int
    protocol: str
    hostname: str
    mode: str
    #: Kinds of routes that may attach.
    kinds: tuple[RouteGroupKind, ...]
    allowed: RouteNamespaces
    #: Secrets with key pairs that can be used, in order.
    certificates: tuple[Ref, ...] = ()
    #: Authorities of client certificates; a client has to show one, unless `optional`.
    authorities: tuple[Origin, ...] = ()
    optional: bool = False
    #: The Secret with the certificate that the Gateway shows to backends.
    shows: Ref | None = None
    flaws: tuple[Flaw, ...] = ()
    #: What happens to requests before a route is chosen.
    filters: tuple[ListenerFilter, ...] = ()
    #: What of TLS is otherwise than the settings say.
    parameters: ClientTls | None = None

    @property
    def reads(self) -> bool:
        """Whether requests are read here, or what is within TLS; else bytes are handed on as they are."""
        return self.protocol == "HTTP" or self.mode == TERMINATE

    @property
    def accepted(self) -> bool:
        return not any(flaw.condition in (ACCEPTED, CONFLICTED) for flaw in self.flaws)

    @property
    def serves(self) -> bool:
        """Whether anything is listened on for it. A flaw of certificates alone takes TLS listeners that have none."""
        return self.accepted and (self.mode != TERMINATE or bool(self.certificates))


def judged(
    owner: Origin,
    own: Claims,
    conflicts: list[str],
    unavailable: list[str],
    gateway: Gateway,
    read: Read,
    world: GatewayWorld,
    loaded: Loaded,
) -> tuple[ListenerRow, ...]:
    """All listeners of an owner; `conflicts` says of each with what reason it is refused, `unavailable` in words why it
    cannot have its port (`ports`)."""
    referrer = Referrer(owner.kind, owner.ref.namespace)
    found = []
    for listener, conflict, taken in zip(own.listeners, conflicts, unavailable, strict=True):
        row = _row(owner, listener, gateway, referrer, read, world, loaded)
        if conflict:
            text = f"port {listener.port}: {_CONFLICTS[conflict]}"
            row = msgspec.structs.replace(row, flaws=(Flaw(CONFLICTED, conflict, text), *row.flaws))
        elif taken:
            row = msgspec.structs.replace(row, flaws=(Flaw(ACCEPTED, "PortUnavailable", taken), *row.flaws))
        found.append(row)
    return tuple(found)


def unserved(rows: tuple[ListenerRow, ...], why: str) -> tuple[ListenerRow, ...]:
    """The listeners of a Gateway that is not accepted: none of them is."""
    flaw = Flaw(ACCEPTED, "Invalid", f"its Gateway is not accepted: {why}")
    return tuple(msgspec.structs.replace(row, flaws=(flaw, *row.flaws)) for row in rows)


def _row(
    owner: Origin,
    listener: Listener,
    gateway: Gateway,
    referrer: Referrer,
    read: Read,
    world: GatewayWorld,
    loaded: Loaded,
) -> ListenerRow:
    mode = _mode(listener)
    shows = _shown(gateway, read, world, loaded)
    flaws = [*_protocol_flaws(listener, mode)]
    kinds, unknown = _kinds(listener)
    if unknown and not flaws:
        flaws.append(
            Flaw(
                RESOLVED,
                "InvalidRouteKinds",
                f"allowedRoutes.kinds: {', '.join(unknown)} cannot attach to {listener.protocol}",
            )
        )
    certificates: list[Ref] = []
    if mode == TERMINATE and not flaws:
        certificates, wrong = _certificates(listener, referrer, read, world, loaded)
        flaws += wrong
    authorities, optional, wrong_clients = _clients(listener, mode, gateway, read, world, loaded)
    options = tls_options.read((listener.tls.options if listener.tls else None) or {}, mode == TERMINATE)
    flaws += [Flaw(ACCEPTED, "UnsupportedValue", text) for text in options.wrong]
    flaws += [Flaw(NOTE, "UnknownOption", text) for text in options.ignored]
    return ListenerRow(
        gateway.ref, owner, listener.name, listener.port, listener.protocol, (listener.hostname or "").lower(), mode,
        kinds, listener.allowed_routes.namespaces, tuple(certificates), authorities, optional, shows,
        (*flaws, *wrong_clients), listener.filters.requests if listener.filters else (), options.parameters,
    )  # fmt: skip


def _mode(listener: Listener) -> str:
    if listener.protocol not in ("HTTPS", "TLS"):
        return ""
    return listener.tls.mode if listener.tls else TERMINATE


def _protocol_flaws(listener: Listener, mode: str) -> Iterator[Flaw]:
    if listener.protocol not in KINDS:
        text = f"protocol {listener.protocol[:80]!a} is not served; use one of {', '.join(KINDS)}"
        yield Flaw(ACCEPTED, "UnsupportedProtocol", text)
    elif flaw := _filters_flaw(listener):
        # They may protect something, so the listener does not serve without them.
        yield flaw
    elif mode not in ("", TERMINATE, PASSTHROUGH):
        yield Flaw(ACCEPTED, "UnsupportedValue", f"tls.mode {mode[:80]!a} is not known")
    elif listener.protocol == "HTTPS" and mode != TERMINATE:
        yield Flaw(
            ACCEPTED,
            "UnsupportedValue",
            "tls.mode of an HTTPS listener is Terminate; use protocol TLS to hand TLS through",
        )


def _filters_flaw(listener: Listener) -> Flaw | None:
    """What is wrong with filters whatever else there is; what they refer to is looked for in `prerouting`."""
    wanted = listener.filters.requests if listener.filters else ()
    if not wanted:
        return None
    if listener.protocol not in ("HTTP", "HTTPS"):
        text = f"filters: {listener.protocol} has no requests; leave filters out, or use protocol HTTP or HTTPS"
        return Flaw(ACCEPTED, INVALID_FILTER, text)
    if len(wanted) > MOST_FILTERS:
        return Flaw(ACCEPTED, INVALID_FILTER, f"filters.requests: {len(wanted)} are more than {MOST_FILTERS}")
    found = (_filter_flaw(f"filters.requests[{number}]", one) for number, one in enumerate(wanted))
    return next((flaw for flaw in found if flaw is not None), None)


def _filter_flaw(field: str, one: ListenerFilter) -> Flaw | None:
    if one.type != "ExternalAuth":
        text = (
            f"{field}: a filter of type {one.type[:60]!a} is not supported before routes are chosen; use ExternalAuth"
        )
        return Flaw(ACCEPTED, "UnsupportedValue", text)
    fault = filter_faults.external_auth(field, one.external_auth)
    return Flaw(ACCEPTED, INVALID_FILTER, fault) if fault else None


def _kinds(listener: Listener) -> tuple[tuple[RouteGroupKind, ...], list[str]]:
    """The kinds that may attach, and those that are asked for and cannot."""
    possible = KINDS.get(listener.protocol, ())
    asked = listener.allowed_routes.kinds
    if not asked:
        return tuple(RouteGroupKind(kind) for kind in possible), []
    good = tuple(dict.fromkeys(it for it in asked if it.group == GROUP and it.kind in possible))
    return good, [it.kind for it in asked if it not in good]


def _certificates(
    listener: Listener, referrer: Referrer, read: Read, world: GatewayWorld, loaded: Loaded
) -> tuple[list[Ref], list[Flaw]]:
    wanted = listener.tls.certificate_refs if listener.tls else ()
    if not wanted:
        return [], [
            Flaw(RESOLVED, "InvalidCertificateRef", "tls.certificateRefs is empty; name a Secret with a certificate")
        ]
    good, flaws = [], []
    for number, reference in enumerate(wanted):
        pair, flaw = certificate(
            f"tls.certificateRefs[{number}]", reference, referrer, read, world, loaded, "InvalidCertificateRef"
        )
        good += [pair] if pair is not None else []
        flaws += [flaw] if flaw is not None else []
    return good, flaws


def _shown(gateway: Gateway, read: Read, world: GatewayWorld, loaded: Loaded) -> Ref | None:
    """What the Gateway shows to backends; nothing where that cannot be used."""
    reference = references.client_certificate(gateway)
    return client_certificate(gateway, reference, read, world, loaded)[0] if reference is not None else None


def client_certificate(
    gateway: Gateway, reference: SecretReference, read: Read, world: GatewayWorld, loaded: Loaded
) -> tuple[Ref | None, Flaw | None]:
    """The certificate that the Gateway shows to backends, and what is wrong with it."""
    return certificate(
        "spec.tls.backend.clientCertificateRef", reference, Referrer("Gateway", gateway.metadata.namespace),
        read, world, loaded, "InvalidClientCertificateRef",
    )  # fmt: skip


def certificate(
    field: str,
    reference: SecretReference,
    referrer: Referrer,
    read: Read,
    world: GatewayWorld,
    loaded: Loaded,
    reason: str,
) -> tuple[Ref | None, Flaw | None]:
    """The Secret that a reference to a key pair leads to, and what is wrong: both where the Secret has gone bad, and
    what it held before goes on being shown."""
    target = references.target_of(reference, referrer.namespace)
    if (reference.group, reference.kind) != ("", "Secret"):
        text = f"{field}: {reference.kind} of group {reference.group!a} is not supported; name a Secret"
        return None, Flaw(RESOLVED, reason, text)
    if not grants.permitted(referrer, "", "Secret", target, read, world):
        text = f"{field}: Secret {target} is in another namespace, and no ReferenceGrant there allows it"
        return None, Flaw(RESOLVED, "RefNotPermitted", text)
    found = read(loaded.pairs, target)
    wrong = found.told if found is not None else f"Secret {target} does not exist"
    flaw = Flaw(RESOLVED, reason, f"{field}: {wrong}") if wrong else None
    return target if found is not None and found.pair is not None else None, flaw


def _clients(
    listener: Listener, mode: str, gateway: Gateway, read: Read, world: GatewayWorld, loaded: Loaded
) -> tuple[tuple[Origin, ...], bool, list[Flaw]]:
    """Authorities of client certificates, and what is wrong with them. Without a good one the listener stays shut:

    open it would let in everybody.
    """
    chosen = references.validation(gateway, listener.port) if mode == TERMINATE else None
    if chosen is None:
        return (), False, []
    referrer = Referrer("Gateway", gateway.metadata.namespace)
    good: list[Origin] = []
    flaws: list[Flaw] = []
    for number, reference in enumerate(chosen.ca_certificate_refs):
        field = f"spec.tls.frontend: caCertificateRefs[{number}]"
        found = _client_authority(field, reference, referrer, read, world, loaded)
        if isinstance(found, Flaw):
            flaws.append(found)
        else:
            good.append(found)
    if not good:
        flaws.append(
            Flaw(
                ACCEPTED, "NoValidCACertificate", "no authority of client certificates can be used, so nobody is let in"
            )
        )
    return tuple(good), chosen.mode == INSECURE_FALLBACK, flaws


def _client_authority(
    field: str, reference: ObjectReference, referrer: Referrer, read: Read, world: GatewayWorld, loaded: Loaded
) -> Origin | Flaw:
    """What a reference to authorities leads to, or why it cannot be used."""
    origin = references.authority(reference, referrer)
    if origin is None:
        text = f"{field}: {reference.kind} of group {reference.group!a} is not supported; name a ConfigMap or a "
        return Flaw(RESOLVED, "InvalidCACertificateKind", text + "ClusterTrustBundle (certificates.k8s.io)")
    if origin.kind == trust.BUNDLE and reference.namespace:
        text = f"{field}: a ClusterTrustBundle is in no namespace; leave namespace out"
        return Flaw(RESOLVED, "InvalidCACertificateRef", text)
    if not references.authority_permitted(origin, referrer, read, world):
        return Flaw(RESOLVED, "RefNotPermitted", f"{field}: no ReferenceGrant allows {origin}")
    found = read(loaded.authorities, origin)
    if found is None or found.bundle is None:
        text = found.error if found else f"{origin} does not exist"
        return Flaw(RESOLVED, "InvalidCACertificateRef", f"{field}: {text}")
    return origin
