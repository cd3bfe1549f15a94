"""How a backend is spoken to: protocol, TLS, connections, buffering, the backend behind the backend."""

from __future__ import annotations

import re

from sealos_gateway.model.backend_policy import BackendTls, Protocol
from sealos_gateway.resources.annotations import upstream
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate.annotations import targets
from sealos_gateway.translate.annotations.draft import Draft
from sealos_gateway.translate.annotations.values import Values

PROTOCOLS = {
    "HTTP": Protocol.HTTP1,
    "AUTO_HTTP": Protocol.HTTP1,
    "WS": Protocol.HTTP1,
    "HTTPS": Protocol.HTTPS,
    "WSS": Protocol.HTTPS,
    "GRPC": Protocol.H2C,
    "H2C": Protocol.H2C,
    "GRPCS": Protocol.HTTPS2,
}
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?", re.ASCII)
_VERSIONS = {"tlsv1": "1.0", "tlsv1.0": "1.0", "tlsv1.1": "1.1", "tlsv1.2": "1.2", "tlsv1.3": "1.3"}
#: The cipher suites of TLS 1.2 and below that BoringSSL has (its documentation of SSL_CTX_set_cipher_list).
CIPHERS = frozenset(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
        "AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA",
    )
)  # fmt: skip


def read(values: Values, draft: Draft) -> None:
    """`backend-protocol`, `proxy-ssl-*`, `service-upstream`, `default-backend` and what has to do with bodies."""
    _protocol(values, draft)
    if values.boolean(upstream.SERVICE_UPSTREAM):
        draft.backend["service_address"] = True
    if (service := targets.service_of(values, upstream.DEFAULT_BACKEND, draft)) is not None:
        draft.backend["fallback"] = service[:3]
    _tls(values, draft)
    _connections(values, draft)
    if values.boolean(upstream.COMPRESSION):
        draft.policy["compression"] = targets.USUAL_COMPRESSION
    if values.boolean(upstream.ACCESS_LOG) is False:
        draft.policy["access_log"] = False


def _protocol(values: Values, draft: Draft) -> None:
    said = values.text(upstream.BACKEND_PROTOCOL)
    if said is None:
        return
    found = PROTOCOLS.get(said.upper())
    if found is None:
        values.complain(upstream.BACKEND_PROTOCOL, f"{said[:40]!r} is not one of {', '.join(PROTOCOLS)}")
    elif found is not Protocol.HTTP1:
        draft.backend["protocol"] = found


def _connections(values: Values, draft: Draft) -> None:
    if values.choice(upstream.CONNECTION_HEADER, "close", "keep-alive") == "close":
        draft.backend["requests_per_connection"] = 1
    if values.choice(upstream.REQUEST_BUFFERING, "on", "off") == "on":
        draft.policy["buffer_request"] = True
    version = values.text(upstream.HTTP_VERSION)
    if version not in (None, "1.1"):
        values.complain(upstream.HTTP_VERSION, f"{version[:10]!r} cannot be spoken to a backend; write 1.1")


def _tls(values: Values, draft: Draft) -> None:
    """The Secret gives the client certificate and the authorities; the authorities count where `verify` is on."""
    secret = _secret(values, draft)
    verify = values.choice(upstream.SSL_VERIFY, "on", "off") == "on"
    name = values.read(upstream.SSL_NAME, _server_name, "a DNS name")
    sends_name = values.choice(upstream.SSL_SERVER_NAME, "on", "off") == "on"
    versions, ciphers = _versions(values), _ciphers(values)
    depth = values.whole(upstream.SSL_DEPTH, 0, 100) or 0
    # Where nothing is said the Service's appProtocol may still say HTTPS: what is written here holds for it, too.
    encrypted = draft.backend.get("protocol") in (Protocol.HTTPS, Protocol.HTTPS2)
    if not encrypted and values.has(upstream.BACKEND_PROTOCOL):
        return
    if encrypted and verify and secret is None:
        values.complain(upstream.SSL_VERIFY, "without `proxy-ssl-secret` there is no authority to check against")
        return
    tls = BackendTls(
        server_name=name or "" if (sends_name or verify) else "",
        verify=verify,
        authorities=(Origin("Secret", secret),) if verify and secret else (),
        certificate=secret,
        verify_depth=depth,
        min_version=versions[0] if versions else "",
        max_version=versions[-1] if versions else "",
        ciphers=ciphers,
    )
    if tls != BackendTls():
        draft.backend["tls"] = tls
    if secret is not None:
        draft.client_pairs[secret] = None
        if verify:
            draft.authorities[Origin("Secret", secret)] = None


def _server_name(text: str) -> str | None:
    """At most 255 bytes, as TLS has it (RFC 6066, 3); an underscore stands in names of Services and pods."""
    return text if _NAME.fullmatch(text) else None


def _secret(values: Values, draft: Draft) -> Ref | None:
    """`name` or `namespace/name`; a Secret of another namespace is somebody else's."""
    own = draft.ingress.metadata.namespace

    def parsed(text: str) -> Ref | None:
        namespace, slash, name = text.partition("/")
        ref = Ref(namespace, name) if slash else Ref(own, namespace)
        return ref if ref.namespace == own and ref.name and "/" not in ref.name else None

    ref = values.read(upstream.SSL_SECRET, parsed, f"a Secret of namespace {own}")
    if ref is not None:
        draft.secrets[ref] = None
        if draft.read(draft.world.secrets, ref) is None:
            values.complain(upstream.SSL_SECRET, f"Secret {ref} does not exist")
    return ref


def _versions(values: Values) -> tuple[str, ...]:
    def parsed(text: str) -> tuple[str, ...] | None:
        found = [_VERSIONS.get(word.lower()) for word in text.split()]
        known = [version for version in found if version is not None]
        return tuple(sorted(known)) if known and len(known) == len(found) else None

    wanted = "a list of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3"
    return values.read(upstream.SSL_PROTOCOLS, parsed, wanted, lines=True) or ()


def _ciphers(values: Values) -> tuple[str, ...]:
    text = values.text(upstream.SSL_CIPHERS, lines=True) or ""
    words = [word.strip() for word in text.replace(",", ":").split(":") if word.strip()]
    kept = tuple(dict.fromkeys(word for word in words if word in CIPHERS))
    if dropped := [word for word in words if word not in CIPHERS and word != "DEFAULT"]:
        values.complain(upstream.SSL_CIPHERS, f"Envoy has no cipher suite {dropped[0][:40]!r}")
    return kept
