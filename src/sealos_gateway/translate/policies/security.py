"""SecurityPolicy to fields of `Policy`, and to how TLS is spoken with clients. What cannot be honoured closes."""

from __future__ import annotations

from sealos_gateway.live import Read
from sealos_gateway.model.client_tls import Ask, ClientCertificates, ClientTls
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import BasicAuth, ExternalAuth, HeaderAction, HeaderChanges, Networks
from sealos_gateway.model.private import Private
from sealos_gateway.model.template import Template
from sealos_gateway.nginx import regex
from sealos_gateway.resources.policies import security as api
from sealos_gateway.translate.annotations import client_tls, external, passwords
from sealos_gateway.translate.annotations.upstream import CIPHERS
from sealos_gateway.translate.gateway_api.world import GatewayWorld
from sealos_gateway.translate.policies.reading import NOT_FOUND, Reader
from sealos_gateway.translate.policies.said import Said
from sealos_gateway.translate.world import World

_ASK = {"Required": Ask.REQUIRED, "Optional": Ask.OPTIONAL, "Unverified": Ask.UNVERIFIED}
_INGRESS = "Ingress"


def said(policy: api.SecurityPolicy, read: Read, world: World, gateways: GatewayWorld) -> Said:
    """What a SecurityPolicy says."""
    reader, spec = Reader(api.KIND, policy, read, world, gateways), policy.spec
    if policy.mistake:
        reader.wrong(policy.mistake.partition(": ")[0], policy.mistake.partition(": ")[2] or policy.mistake)
    elif spec == api.SecurityPolicySpec(spec.target_refs):
        reader.wrong("spec", "it protects nothing; a field may be misspelt")
    if (wanted := spec.ip_restriction) is not None:
        allow = reader.networks("spec.ipRestriction.allow", wanted.allow)
        deny = reader.networks("spec.ipRestriction.deny", wanted.deny)
        if not wanted.allow and not wanted.deny:
            reader.wrong("spec.ipRestriction", "it neither allows nor denies anybody")
        reader.fields["networks"] = Networks(allow, deny)
    if spec.basic_auth is not None:
        _basic(reader, spec.basic_auth)
    if spec.external_auth is not None:
        _external(reader, spec.external_auth)
    if spec.satisfy is not None:
        reader.fields["satisfy_any"] = spec.satisfy == "Any"
    tls = _client_tls(reader, spec) if spec.client_tls is not None else None
    # Who is to be kept out is kept out as long as something about it is unclear.
    closed = bool(reader.invalid or reader.unresolved)
    asks = spec.client_tls is not None and spec.client_tls.ca_certificate_ref is not None
    return reader.done(spec.target_refs, client_tls=None if closed else tls, closed=closed, closes_host=closed and asks)


def _basic(reader: Reader, wanted: api.BasicAuth) -> None:
    field = "spec.basicAuth.secretRef"
    if not wanted.realm.isprintable():
        reader.wrong("spec.basicAuth.realm", "it holds a control character")
    ref = reader.secret(field, wanted.secret_ref)
    if ref is None:
        return
    secret = reader.read(reader.world.secrets, ref)
    if secret is None:
        reader.missing(field, f"Secret {ref} does not exist", "InvalidSecret")
        return
    slow = reader.world.rules.slow_passwords
    found = passwords.users(
        secret, wanted.layout == "KeyPerUser", slow, lambda message, _: reader.notes.append(message)
    )
    if isinstance(found, Private):
        reader.fields["basic_auth"] = BasicAuth(ref, found, wanted.realm)
    else:
        reader.missing(field, found, "InvalidSecret")


def _external(reader: Reader, wanted: api.ExternalAuth) -> None:
    asked = _asked(reader, wanted)
    signin = None
    if wanted.sign_in_url:
        text = external.with_return(wanted.sign_in_url, wanted.sign_in_redirect_param)
        signin = _text(reader, "signInURL", text)
    headers = reader.changes(
        "spec.externalAuth.requestHeaders", HeaderAction.SET, wanted.request_headers, external.FILLED
    )
    for number, name in enumerate(wanted.headers_to_backend):
        reader.may_change(f"spec.externalAuth.headersToBackend[{number}]", name)
    timeout = reader.seconds("spec.externalAuth.timeout", wanted.timeout, 0.001)
    redirect = _text(reader, "requestRedirect", wanted.request_redirect) if wanted.request_redirect else None
    key, durations = _cache(reader, wanted.cache) if wanted.cache else (None, ())
    if asked is None:
        return
    reader.fields["external_auth"] = ExternalAuth(
        *asked,
        method=wanted.method or "",
        signin=signin,
        copy_response=tuple(dict.fromkeys(name.lower() for name in wanted.headers_to_backend)),
        request_headers=HeaderChanges(tuple(headers)) if headers else None,
        always_set_cookie=wanted.always_set_cookie,
        redirect=redirect,
        cache_key=key,
        cache=durations,
        timeout=timeout or 60.0,
    )


def _asked(reader: Reader, wanted: api.ExternalAuth) -> tuple[BackendKey, str, Template] | None:
    """The backend that is asked, its Host, and the path."""
    if (wanted.url is None) == (wanted.backend_ref is None):
        reader.wrong("spec.externalAuth", "write either `url` or `backendRef`")
        return None
    if wanted.backend_ref is not None:
        key = reader.service("spec.externalAuth.backendRef", wanted.backend_ref)
        path = _text(reader, "path", wanted.path)
        host = f"{key.service}.{key.namespace}.svc.{reader.world.rules.cluster_domain}" if key else ""
        return (external.for_questions(key), host, path) if key is not None and path is not None else None
    field = "spec.externalAuth.url"
    url = external.URL.fullmatch(wanted.url or "")
    host = url[2].lower().rstrip(".") if url else ""
    if url is None or not external.HOST.fullmatch(host):
        reader.wrong(field, f"{(wanted.url or '')[:60]!r} is not a URL with the name of a host")
        return None
    if (ref := external.service_of(host, reader.world)) and not reader.permitted("Service", ref):
        message = f"Service {ref} is in another namespace, and no ReferenceGrant there allows it"
        reader.missing(field, message, "RefNotPermitted")
        return None
    backend = external.service(url[1].lower(), host, int(url[3] or 0), reader.read, reader.world)
    rest = url[4] or "/"
    path = _text(reader, "url", rest if rest.startswith("/") else f"/{rest}")
    if isinstance(backend, external.Fault):
        reader.missing(field, backend.message, NOT_FOUND)
        return None
    return (backend, host, path) if path is not None else None


def _text(reader: Reader, name: str, text: str) -> Template | None:
    return reader.template(f"spec.externalAuth.{name}", text, external.FILLED)


def _cache(reader: Reader, wanted: api.AuthCache) -> tuple[Template | None, tuple[tuple[int, int], ...]]:
    found: dict[int, int] = {}
    for number, one in enumerate(wanted.durations):
        seconds = reader.seconds(f"spec.externalAuth.cache.durations[{number}].duration", one.duration, 1.0)
        found |= dict.fromkeys(one.codes or (0,), int(seconds or 1))
    return _text(reader, "cache.key", wanted.key), tuple(found.items()) or external.USUAL_CACHE


def _client_tls(reader: Reader, spec: api.SecurityPolicySpec) -> ClientTls | None:
    wanted = spec.client_tls
    assert wanted is not None
    if others := [it for it in spec.target_refs if it.kind != _INGRESS]:
        message = (
            f"it cannot hold for a {others[0].kind}; a Gateway asks clients with spec.tls.frontend.default.validation"
        )
        reader.wrong("spec.clientTLS", message)
        return None
    left_out = [it for it in wanted.ciphers if it not in CIPHERS]
    if left_out:
        reader.wrong("spec.clientTLS.ciphers", f"Envoy has no cipher {left_out[0][:40]!r}")
    low, high = (_version(it) for it in (wanted.min_version, wanted.max_version))
    if low and high and low > high:
        reader.wrong("spec.clientTLS.minVersion", "it is above maxVersion")
    return ClientTls(_certificates(reader, wanted), low, high, tuple(dict.fromkeys(wanted.ciphers)))


def _version(text: str | None) -> str:
    return (text or "").removeprefix("TLSv")


def _certificates(reader: Reader, wanted: api.ClientTls) -> ClientCertificates | None:
    field = "spec.clientTLS"
    if wanted.ca_certificate_ref is None:
        return None
    if wanted.subject_pattern and (reason := regex.problem(wanted.subject_pattern)):
        reader.wrong(f"{field}.subjectPattern", reason)
    page = None
    if wanted.error_page:
        page = reader.template(f"{field}.errorPage", wanted.error_page, client_tls.FILLED)
    origin = reader.authority(f"{field}.caCertificateRef", wanted.ca_certificate_ref)
    if origin is None:
        return None
    return ClientCertificates(
        origin, _ASK[wanted.mode], wanted.depth, wanted.subject_pattern, page, wanted.forward_certificate
    )
