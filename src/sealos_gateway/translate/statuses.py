"""What became of each object: every problem it caused, wherever in the pipeline it came up."""

from __future__ import annotations

from sealos_gateway.live import Read, Rows
from sealos_gateway.model.keys import HostKey
from sealos_gateway.model.problem import Problem
from sealos_gateway.model.traffic import VirtualHost
from sealos_gateway.model.upstream import Certificate
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import ingress as ingresses
from sealos_gateway.translate.annotations.policies import IngressPolicy
from sealos_gateway.translate.certificates import Loaded
from sealos_gateway.translate.ingress_backends import KIND
from sealos_gateway.translate.world import World


def ingress_problems(
    ref: Ref,
    read: Read,
    _world: World,
    attachments: Rows[Ref, ingresses.Attachment],
    hosts: Rows[HostKey, VirtualHost],
    certificates: Rows[str, Certificate],
    policies: Rows[Ref, IngressPolicy],
) -> tuple[Problem, ...] | None:
    """The problems of one Ingress; None when there are none or it is not ours."""
    attached = read(attachments, ref)
    if attached is None:
        return None
    origin, policy = Origin(KIND, ref), read(policies, ref)
    found = [*attached.problems, *(policy.problems if policy else ())]
    for key in attached.hosts:
        host = read(hosts, key)
        found += [problem for problem in (host.problems if host else ()) if problem.origin == origin]
    for name, _ in attached.server_names:
        certificate = read(certificates, name)
        found += [problem for problem in (certificate.problems if certificate else ()) if problem.origin == origin]
    return tuple(dict.fromkeys(found)) or None


def default_certificate_problems(
    pattern: str, read: Read, secret: Ref, pairs: Rows[Ref, Loaded]
) -> tuple[Problem, ...]:
    """A default certificate that cannot be used is the operator's problem, not a tenant's."""
    loaded = read(pairs, secret)
    if loaded is not None and not loaded.error:
        return ()
    origin = Origin("Setting", Ref("", "tls.default_certificates"))
    if loaded is not None and loaded.pair is not None:
        return (Problem(origin, pattern, "InvalidSecret", loaded.told),)
    reason = loaded.error if loaded else f"Secret {secret} does not exist"
    return (Problem(origin, pattern, "InvalidSecret", f"{reason}; names it should answer for have no certificate"),)
