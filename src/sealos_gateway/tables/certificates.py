"""Secrets and ConfigMaps that somebody names, checked, and the certificates made of them.

```
defaults        what settings show to clients that ask for no name of ours                     Table
secrets_in_use  Secret → who names it               config_maps_in_use: the same               Index
last_good_pairs Secret → what it held before it went bad                                       Table
authorities     over Secrets and ConfigMaps: a checked list of CA certificates                 Derived
pairs           over Secrets: a checked key pair                                               Derived
certificates    over patterns of server names: what clients are shown                          Derived
```
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sealos_gateway.live import Derived, Graph, Index, Rows, Table
from sealos_gateway.model.upstream import Certificate
from sealos_gateway.resources.core import Secret
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.tables.ground import Ground
from sealos_gateway.tables.ingresses import IngressTables
from sealos_gateway.translate import certificates as translate
from sealos_gateway.translate import trust
from sealos_gateway.translate.annotations.policies import IngressPolicy
from sealos_gateway.translate.gateway_api.references import References
from sealos_gateway.translate.ingress import Attachment
from sealos_gateway.translate.policies.said import Said
from sealos_gateway.translate.world import World


@dataclass(frozen=True)
class DefaultCertificate:
    """A default certificate that settings ask for."""

    pattern: str
    secret: Ref

    @property
    def server_names(self) -> tuple[tuple[str, Ref], ...]:
        return ((self.pattern, self.secret),)


@dataclass(frozen=True)
class CertificateTables:
    """See the text of this module."""

    defaults: Table[str, DefaultCertificate]
    secrets_in_use: Index[Ref, Any]
    config_maps_in_use: Index[Ref, Any]
    authorities: Derived[Origin, trust.Loaded]
    pairs: Derived[Ref, translate.Loaded]
    certificates: Derived[str, Certificate]


def certificate_tables(graph: Graph, ground: Ground, ingresses: IngressTables) -> CertificateTables:
    """What was made of every Secret and ConfigMap that an Ingress, a Gateway, a policy or a setting names."""
    defaults: Table[str, DefaultCertificate] = Table(graph, "default_certificates")
    showing: tuple[Rows[Any, Any], ...] = (ingresses.attachments, defaults)
    patterns: Index[str, Any] = Index(graph, "patterns", _server_names, *showing)
    secrets: Index[Ref, Any] = Index(graph, "secrets_in_use", _secrets, *showing)
    config_maps: Index[Ref, Any] = Index(graph, "config_maps_in_use", lambda row: row.config_maps, ingresses.policies)
    trusted: Index[Origin, Any] = Index(graph, "authorities_in_use", lambda row: row.authorities, ingresses.policies)
    referring: tuple[Rows[Any, Any], ...] = (
        ground.gateway_api.references, ground.backend_tls.references, *ground.policies.said.values(),
    )  # fmt: skip
    naming: tuple[Rows[Any, Any], ...] = (ingresses.policies, ground.gateway_api.set_references, *referring)
    for rows in naming:
        secrets.also(rows)
    for rows in referring:
        config_maps.also(rows)
        trusted.also(rows)
    world = ground.world
    authorities: Derived[Origin, trust.Loaded] = Derived(
        graph, "authorities", lambda origin, read: trust.load(origin, read, world), trusted
    )
    pairs: Derived[Ref, translate.Loaded] = Derived(
        graph, "pairs", lambda ref, read: translate.load(ref, read, world), secrets
    )
    _keep_last_good(world, pairs)
    certificates = _certificates(graph, world, ingresses, pairs, patterns)
    return CertificateTables(defaults, secrets, config_maps, authorities, pairs, certificates)


def _keep_last_good(world: World, pairs: Rows[Ref, translate.Loaded]) -> None:
    """Hold on to what a Secret held when it is changed into what is no key pair, as long as it exists and is used:

    somebody's mistake must not close a host that worked a second ago (docs/decisions/047-last-good-certificates.md).
    """
    kept = world.last_good_pairs

    def changed(ref: Ref, secret: Secret | None) -> None:
        """`pairs` has still what was made of the Secret before."""
        before = pairs.get(ref)
        if secret is None or before is None or translate.checked(ref, secret).pair is not None:
            kept.drop(ref)
        elif before.pair is not None and not before.error:
            kept.put(ref, before)

    def settled(ref: Ref, row: translate.Loaded | None) -> None:
        if row is None:
            kept.drop(ref)

    world.secrets.on_change.append(changed)
    pairs.on_change.append(settled)


def _certificates(
    graph: Graph, world: World, ingresses: IngressTables, pairs: Derived[Ref, translate.Loaded], over: Index[str, Any]
) -> Derived[str, Certificate]:
    names, attachments, claimants = ingresses.names, ingresses.attachments, ingresses.claimants
    return Derived(
        graph,
        "certificates",
        lambda pattern, read: translate.certificate(pattern, read, world, names, pairs, attachments, claimants),
        over,
    )


def _server_names(row: Attachment | DefaultCertificate) -> tuple[str, ...]:
    return tuple(name for name, _ in row.server_names)


def _secrets(row: Attachment | DefaultCertificate | IngressPolicy | References | Said) -> tuple[Ref, ...]:
    if isinstance(row, IngressPolicy | References | Said):
        return row.secrets
    return tuple(secret for _, secret in row.server_names if secret is not None)
