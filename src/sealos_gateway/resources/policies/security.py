"""SecurityPolicy: who may pass. One that cannot be honoured closes its targets (503) instead of leaving them open."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sealos_gateway.resources.gateway_api.meta import GatewayApiMetadata
from sealos_gateway.resources.policies.common import (
    AuthorityReference,
    Cidrs,
    Ciphers,
    Duration,
    HeaderName,
    HeaderNames,
    Headers,
    Policy,
    RouteTargets,
    SecretReference,
    ServiceReference,
    StatusCode,
    Text,
    TlsVersion,
    Value,
)

KIND: Final = "SecurityPolicy"


class IpRestriction(Value, frozen=True):
    """Addresses of clients; others are answered 403. `deny` is asked first."""

    allow: Annotated[Cidrs, Meta(description="Who may pass; empty: everybody who is not denied.")] = ()
    deny: Annotated[Cidrs, Meta(description="Who may not.")] = ()


class BasicAuth(Value, frozen=True):
    """Name and password (RFC 7617)."""

    secret_ref: Annotated[SecretReference, Meta(description="Users and digests of their passwords.")]
    layout: Annotated[
        Literal["Htpasswd", "KeyPerUser"],
        Meta(description="An htpasswd file under the key `auth`, or a key for each user."),
    ] = "Htpasswd"
    realm: Annotated[Text, Meta(description="What browsers show.")] = ""


class CacheDuration(Value, frozen=True, kw_only=True):
    codes: Annotated[
        tuple[StatusCode, ...], Meta(max_length=32, description="Answers with these codes; empty: with every code.")
    ] = ()
    duration: Annotated[Duration, Meta(description="How long they are remembered.")]


class AuthCache(Value, frozen=True):
    """Answers of the service are remembered, in each worker thread."""

    key: Annotated[
        Annotated[str, Meta(min_length=1, max_length=4096)],
        Meta(description="Text with variables as nginx writes them; an answer counts for requests that are equal."),
    ]
    durations: Annotated[
        tuple[CacheDuration, ...], Meta(max_length=16, description="Absent: 5m for 200, 202 and 401.")
    ] = ()


class ExternalAuth(Value, frozen=True):
    """Ask a service first, with the headers of the request: 2xx lets it pass, 401 and 403 are given to the client.

    Either `url`, or `backendRef` and `path`. Texts may have variables as nginx writes them (`$request_uri`).
    """

    url: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^\s]+$", max_length=4096)] | None,
        Meta(description="Of a Service (http://auth.sso.svc.cluster.local/verify) or of any host."),
    ] = None
    backend_ref: ServiceReference | None = None
    path: Annotated[Annotated[str, Meta(pattern=r"^/[^\s]*$", max_length=4096)], Meta(description="What is asked.")] = (
        "/"
    )
    method: Annotated[
        Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] | None,
        Meta(description="Absent: GET."),
    ] = None
    sign_in_url: Annotated[Text, Meta(description="Where a client is redirected instead of 401.")] = msgspec.field(
        default="", name="signInURL"
    )
    sign_in_redirect_param: Annotated[
        HeaderName, Meta(description="The parameter that says there where the client came from.")
    ] = "rd"
    headers_to_backend: Annotated[
        HeaderNames, Meta(description="Headers of the answer that the backend gets, and from nobody else.")
    ] = ()
    request_headers: Annotated[Headers, Meta(description="Further headers of the question.")] = ()
    request_redirect: Annotated[Text, Meta(description="X-Auth-Request-Redirect; absent: `$request_uri`.")] = ""
    always_set_cookie: Annotated[
        bool, Meta(description="Give cookies of the service to the client with every status, not only with good ones.")
    ] = False
    cache: AuthCache | None = None
    timeout: Annotated[Duration, Meta(description="Then the client gets 500.")] = "60s"


class ClientTls(Value, frozen=True):
    """TLS with the clients of an Ingress' hosts. A Gateway has `spec.tls.frontend` for that, a route cannot have it."""

    ca_certificate_ref: Annotated[
        AuthorityReference | None, Meta(description="Ask clients for a certificate of these authorities.")
    ] = None
    mode: Annotated[
        Literal["Required", "Optional", "Unverified"],
        Meta(description="Who has none, or one of others: both 400; the first passes; both pass, the backend is told."),
    ] = "Required"
    depth: Annotated[Annotated[int, Meta(ge=1, le=100)], Meta(description="Authorities in between, at most.")] = 1
    subject_pattern: Annotated[
        Annotated[str, Meta(pattern=r"^(CN=.+)?$", max_length=1024)],
        Meta(description="`CN=` and a regular expression (RE2) of which the subject must have a match, else 403."),
    ] = ""
    error_page: Annotated[Text, Meta(description="Where clients are redirected instead of 400.")] = ""
    forward_certificate: Annotated[bool, Meta(description="Give it to the backend as ssl-client-cert.")] = False
    min_version: TlsVersion | None = None
    max_version: TlsVersion | None = None
    ciphers: Ciphers = ()


class SecurityPolicySpec(Value, frozen=True):
    """Everything but the targets may be absent: then it is as without the policy."""

    target_refs: RouteTargets
    ip_restriction: IpRestriction | None = None
    basic_auth: BasicAuth | None = None
    external_auth: ExternalAuth | None = None
    client_tls: ClientTls | None = msgspec.field(default=None, name="clientTLS")
    satisfy: Annotated[
        Literal["All", "Any"] | None,
        Meta(description="Whether addresses, password and service must all agree, or one of them is enough."),
    ] = None


class SecurityPolicy(Policy, frozen=True, kw_only=True):
    """`mistake` says why the object could not be read; then of its spec only the targets are known, and closed."""

    spec: SecurityPolicySpec
    mistake: str = ""


class _Targets(msgspec.Struct, frozen=True, rename="camel"):
    target_refs: RouteTargets


class Unreadable(msgspec.Struct, frozen=True):
    """As much of a SecurityPolicy as is needed to know what it protects."""

    metadata: GatewayApiMetadata
    spec: _Targets

    def closed(self, mistake: str) -> SecurityPolicy:
        """A policy that closes its targets."""
        return SecurityPolicy(metadata=self.metadata, spec=SecurityPolicySpec(self.spec.target_refs), mistake=mistake)
