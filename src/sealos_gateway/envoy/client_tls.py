"""TLS with clients that differs from host to host: the context of a filter chain, and what routes must ask for.

The handshake never fails for a missing or unknown certificate (`ACCEPT_UNTRUSTED`): as in nginx the request is
answered 400, so that a user sees why. Routes of such a host are reached only over a connection whose handshake was for
that host: whoever comes by another server name, with another certificate or none, is answered 421 (RFC 9110, 15.5.20).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sealos_gateway.envoy import api, names, templates, tls_contexts
from sealos_gateway.model.client_tls import Ask, ClientCertificates, ClientTls
from sealos_gateway.model.traffic import VirtualHost

#: Filter state of a connection: the server name of its own filter chain.
_SERVER_NAME = "sealos.server_name"
_HEADERS = ("ssl-client-cert", "ssl-client-verify", "ssl-client-subject-dn", "ssl-client-issuer-dn")
_MISSING, _WRONG = "No required SSL certificate was sent", "The SSL certificate error"
_SUBJECT_INPUT = "envoy.matching.inputs.subject"


@dataclass(frozen=True)
class Way:
    """One way in which requests reach a host, with its own copy of the routes.

    `plain`: over plain HTTP. `presented`, `validated`: what holds for the client's certificate, None where it does not
    matter. `verdict` is what the backend reads in `ssl-client-verify`; empty where certificates are not asked for.
    """

    host: str = ""
    plain: bool = False
    presented: bool | None = None
    validated: bool | None = None
    verdict: str = ""
    certificates: ClientCertificates | None = None

    def restrict(self, match: api.Message) -> None:
        """Write the conditions of this way into a RouteMatch."""
        if self.plain:
            match.headers.add(name="x-forwarded-proto").string_match.exact = "http"
        elif self.host:
            match.filter_state.add(key=_SERVER_NAME).string_match.exact = self.host
        if self.presented is not None:
            match.tls_context.presented.value = self.presented
        if self.validated is not None:
            match.tls_context.validated.value = self.validated

    def filters(self) -> Iterator[tuple[str, api.Message]]:
        """What comes first on this way: headers that nobody but the gateway may set, and the check of the subject."""
        if self.certificates is None:
            return
        yield "client-certificate", api.pack(_told(self))
        if self.certificates.subject:
            yield "client-subject", api.pack(_subject(self.certificates.subject))


USUAL = (Way(),)


def ways(host: VirtualHost) -> tuple[Way, ...]:
    """In which ways the routes of a host can be reached; several where a certificate is optional."""
    if host.connections:
        return (Way(host.connections),)
    if host.client_tls is None:
        return USUAL
    if host.client_tls.passthrough is not None:
        return (Way(plain=True),)
    name, certificates = host.key.host, host.client_tls.certificates
    if certificates is None:
        return (Way(plain=True), Way(name))
    plain = Way(plain=True, verdict="NONE", certificates=certificates)
    good = Way(name, validated=True, presented=True, verdict="SUCCESS", certificates=certificates)
    none = Way(name, presented=False, verdict="NONE", certificates=certificates)
    unknown = Way(name, presented=True, validated=False, verdict="FAILED", certificates=certificates)
    return {Ask.REQUIRED: (good,), Ask.OPTIONAL: (plain, good, none), Ask.UNVERIFIED: (plain, good, none, unknown)}[
        certificates.ask
    ]


def refusals(host: VirtualHost) -> Iterator[api.Message]:
    """Routes that come after all others: why no other one was reached."""
    if host.client_tls is None and not host.connections:
        return
    certificates = host.client_tls.certificates if host.client_tls is not None else None
    if certificates is not None and certificates.ask is not Ask.UNVERIFIED:
        if certificates.ask is Ask.REQUIRED:
            yield _refusal(Way(plain=True), certificates, _MISSING)
            yield _refusal(Way(host.key.host, presented=False), certificates, _MISSING)
        yield _refusal(Way(host.key.host, presented=True, validated=False), certificates, _WRONG)
    misdirected = api.route_components.Route(name="misdirected")
    misdirected.match.prefix = "/"
    misdirected.direct_response.status = 421
    yield misdirected


def _refusal(way: Way, certificates: ClientCertificates, text: str) -> api.Message:
    message = api.route_components.Route(name="certificate")
    message.match.prefix = "/"
    way.restrict(message.match)
    if certificates.error_page is None:
        message.direct_response.status = 400
        message.direct_response.body.inline_string = text
    else:
        message.direct_response.status = 302
        location = message.response_headers_to_add.add()
        location.header.key, location.header.value = "location", templates.text(certificates.error_page, way.host)
        location.append_action = api.base.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    return message


def _told(way: Way) -> api.Message:
    """envoy.extensions.filters.http.header_mutation.v3.HeaderMutation: first remove what the client says, then add."""
    message = api.header_mutation.HeaderMutation()
    for name in _HEADERS:
        message.mutations.request_mutations.add().remove = name
    told = {"ssl-client-verify": way.verdict}
    if way.verdict != "NONE":
        told |= {
            "ssl-client-subject-dn": "%DOWNSTREAM_PEER_SUBJECT%",
            "ssl-client-issuer-dn": "%DOWNSTREAM_PEER_ISSUER%",
        }
        if way.certificates is not None and way.certificates.pass_certificate:
            told["ssl-client-cert"] = "%DOWNSTREAM_PEER_CERT%"
    for name, value in told.items():
        append = message.mutations.request_mutations.add().append
        append.header.key, append.header.value = name, value
        append.append_action = api.base.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    return message


def _subject(pattern: str) -> api.Message:
    """envoy.extensions.filters.http.rbac.v3.RBAC: 403 unless the subject has a match."""
    message = api.rbac.RBAC()
    fits = message.matcher.matcher_list.matchers.add()
    fits.predicate.single_predicate.input.name = _SUBJECT_INPUT
    fits.predicate.single_predicate.input.typed_config.CopyFrom(api.pack(api.ssl_inputs.SubjectInput()))
    fits.predicate.single_predicate.value_match.safe_regex.google_re2.SetInParent()
    # Where a part of the name begins, and not in the middle of one (a comma within a part has a backslash before it).
    fits.predicate.single_predicate.value_match.safe_regex.regex = rf"(?:(?s:.*)[^\\],)?(?:{pattern})(?s:.*)"
    actions = api.rbac_config
    for place, action in (
        (fits.on_match.action, actions.RBAC.ALLOW),
        (message.matcher.on_no_match.action, actions.RBAC.DENY),
    ):
        place.name = "subject"
        place.typed_config.CopyFrom(api.pack(actions.Action(name="subject", action=action)))
    return message


def mark(chain: api.Message, server_name: str) -> None:
    """Note on every connection of a filter chain which server name it is for, before any request is read. It may be a
    format string of Envoy."""
    config = api.set_filter_state.Config()
    value = config.on_new_connection.add(object_key=_SERVER_NAME, factory_key="envoy.string")
    value.format_string.text_format_source.inline_string = server_name
    chain.filters.add(name="envoy.filters.network.set_filter_state", typed_config=api.pack(config))


def pass_through(chain: api.Message, cluster: str) -> None:
    """envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy: the bytes of a connection, as they are, to a cluster that
    is fetched with the first of them."""
    hand_on(chain, [(cluster, 1)])


def hand_on(chain: api.Message, shares: list[tuple[str, int]], logs: Sequence[api.Message] = ()) -> None:
    """The same to several clusters by weight; without any, connections are closed. `logs`: of `access_log`."""
    config = api.tcp_proxy.TcpProxy(stat_prefix="passthrough", access_log=logs)
    if len(shares) > 1:
        for cluster, weight in shares:
            config.weighted_clusters.clusters.add(name=cluster, weight=weight)
    else:
        config.cluster = shares[0][0] if shares else names.NOWHERE
    config.on_demand.odcds_config.CopyFrom(api.ads())
    config.on_demand.timeout.CopyFrom(api.seconds(_FETCH_SECONDS))
    chain.filters.add(name="envoy.filters.network.tcp_proxy", typed_config=api.pack(config))


_FETCH_SECONDS = 5


def fill(context: api.Message, tls: ClientTls) -> None:
    """Write what differs into a DownstreamTlsContext that has the usual way in it."""
    common = context.common_tls_context
    tls_contexts.versions(common, tls.min_version, tls.max_version)
    if tls.ciphers:
        del common.tls_params.cipher_suites[:]
        common.tls_params.cipher_suites.extend(tls.ciphers)
    if tls.certificates is not None:
        rules = tls_contexts.believe(common, (tls.certificates.authority,))
        rules.trust_chain_verification = api.tls_common.CertificateValidationContext.ACCEPT_UNTRUSTED
        rules.max_verify_depth.value = tls.certificates.depth + 1  # BoringSSL counts the authority that is trusted, too
        # A resumed session does not show its certificate again.
        context.disable_stateless_session_resumption = True
        context.disable_stateful_session_resumption = True
