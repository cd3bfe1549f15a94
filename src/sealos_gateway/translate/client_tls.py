"""How TLS is spoken with the clients of one host, of what its Ingresses say. It holds for the whole host."""

from __future__ import annotations

import msgspec

from sealos_gateway.model.backend_policy import AS_IT_IS
from sealos_gateway.model.client_tls import ClientTls
from sealos_gateway.model.problem import Problem
from sealos_gateway.model.traffic import Forward, Route
from sealos_gateway.resources.ingress import Ingress
from sealos_gateway.resources.meta import Origin
from sealos_gateway.translate.annotations.policies import IngressPolicy
from sealos_gateway.translate.ingress_backends import KIND

#: An Ingress and what its annotations say.
Said = tuple[Ingress, IngressPolicy]


def of_host(said: list[Said], host: str, problems: list[Problem]) -> ClientTls | None:
    """Of each part what the oldest Ingress says that says anything; marks in `said` whose routes must be closed.

    Only the namespace that claimed the host first has a say. Who asks for something else than what holds is told, and
    (but for ciphers) his routes are closed: they would be open to clients that he wants to keep out. Where certificates
    are asked for and cannot be checked, all routes of the host are closed, and so they are for a wildcard, for which no
    handshake can be different.
    """
    if not any(policy.client_tls or policy.closes_host for _, policy in said):
        return None
    owner, chosen = said[0][0].metadata.namespace, ClientTls()
    for ingress, policy in said:
        wanted = policy.client_tls
        if ingress.metadata.namespace == owner and wanted is not None:
            chosen = _merged(chosen, wanted)
        hopeless = policy.closes_host or (wanted is not None and wanted.certificates is not None and "*" in host)
        if ingress.metadata.namespace == owner and hopeless:
            said[:] = [(one, msgspec.structs.replace(its, refused=True)) for one, its in said]
            return None
    for number, (ingress, policy) in enumerate(said):
        if policy.client_tls is not None:
            said[number] = (ingress, _held_to(chosen, ingress, policy, policy.client_tls, host, problems))
    return chosen if chosen != ClientTls() and "*" not in host else None


def passed_through(said: list[Said], routes: tuple[Route, ...], host: str, problems: list[Problem]) -> ClientTls | None:
    """The backend that gets TLS unread: where the path `/` of the Ingress that wants it goes."""
    owner = said[0][0].metadata.namespace if said else ""
    for ingress, policy in said:
        if not policy.passthrough or "*" in host:
            continue
        origin = Origin(KIND, ingress.ref)
        own = [it for it in routes if it.origin == origin and it.match.path == "/"]
        if any(it.policy and (it.policy.networks or it.policy.basic_auth or it.policy.external_auth) for it in own):
            # A snippet may ask for it, after the annotations were read.
            message = f"TLS of {host} that goes to the backend unread cannot be checked; remove what asks for checks"
            problems.append(Problem(origin, "metadata.annotations", "NoPassthrough", message))
            continue
        target = own[0].action if own else None
        if isinstance(target, Forward) and ingress.metadata.namespace == owner:
            return ClientTls(passthrough=target.backend._replace(policy=AS_IT_IS))
        message = (
            f"TLS of {host} does not go to the backend: the host is another namespace's, or its path / is not here"
        )
        problems.append(Problem(origin, "metadata.annotations", "NoPassthrough", message))
    return None


def _held_to(
    chosen: ClientTls, ingress: Ingress, policy: IngressPolicy, wanted: ClientTls, host: str, problems: list[Problem]
) -> IngressPolicy:
    held = _merged(wanted, chosen)
    if held == chosen:
        return policy
    closed = msgspec.structs.replace(held, ciphers=chosen.ciphers) != chosen
    effect = "its routes here answer 503" if closed else "its ciphers do not hold"
    message = f"an older Ingress has decided how TLS is spoken with clients of {host}; {effect}"
    problems.append(Problem(Origin(KIND, ingress.ref), "metadata.annotations", "ClientTlsConflict", message))
    return msgspec.structs.replace(policy, refused=policy.refused or closed)


def _merged(first: ClientTls, second: ClientTls) -> ClientTls:
    """Each part of the first where it says one, else of the second."""
    return ClientTls(
        first.certificates or second.certificates,
        first.min_version or second.min_version,
        first.max_version or second.max_version,
        first.ciphers or second.ciphers,
    )
