"""Templates as Envoy's command operators (the access log format language, which header values share).

What a user wrote never becomes an operator: a `%` in a literal is doubled. A property that Envoy cannot express gives
`Unsupported`, which the caller turns into a problem before anything is rendered.
"""

from __future__ import annotations

from sealos_gateway.model.template import Property, Template, Variable

_OPERATORS = {
    Property.AUTHORITY: "%REQ(:AUTHORITY)%",
    Property.HOST: "%REQ(:AUTHORITY)%",  # the connection manager has stripped the port
    Property.METHOD: "%REQ(:METHOD)%",
    Property.SCHEME: "%REQ(X-FORWARDED-PROTO)%",
    Property.PATH: "%PATH(NQ:PATH)%",
    Property.QUERY: "%QUERY_PARAMS(ORIG)%",
    Property.REQUEST_URI: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    Property.CLIENT_ADDRESS: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    Property.FORWARDED_FOR: "%REQ(X-FORWARDED-FOR)%",
    Property.REQUEST_ID: "%REQ(X-REQUEST-ID)%",
    Property.SERVER_PORT: "%DOWNSTREAM_LOCAL_PORT%",
    Property.PROTOCOL: "%PROTOCOL%",
    Property.STATUS: "%RESPONSE_CODE%",
    Property.UPSTREAM_ADDRESS: "%UPSTREAM_REMOTE_ADDRESS%",
    Property.TLS_SUBJECT: "%DOWNSTREAM_PEER_SUBJECT%",
    Property.TLS_ISSUER: "%DOWNSTREAM_PEER_ISSUER%",
    Property.TLS_CERTIFICATE: "%DOWNSTREAM_PEER_CERT%",
    Property.TLS_FINGERPRINT: "%DOWNSTREAM_PEER_FINGERPRINT_1%",
    Property.TLS_PROTOCOL: "%DOWNSTREAM_TLS_VERSION%",
    Property.TLS_CIPHER: "%DOWNSTREAM_TLS_CIPHER%",
}
_NAMED = {
    Property.HEADER: "%REQ({})%",
    Property.RESPONSE_HEADER: "%RESP({})%",
    Property.PARAMETER: "%QUERY_PARAM({})%",
}


class UnsupportedError(ValueError):
    """Envoy has no operator for this property."""


def operators(template: Template) -> str:
    """The template in Envoy's format language. Raises UnsupportedError."""
    return "".join(part.replace("%", "%%") if isinstance(part, str) else operator(part) for part in template.parts)


def operator(variable: Variable) -> str:
    """One property. Raises UnsupportedError."""
    if found := _OPERATORS.get(variable.of):
        return found
    if variable.of in _NAMED and _is_plain(variable.name):
        return _NAMED[variable.of].format(variable.name)
    raise UnsupportedError(f"{variable.of.value} {variable.name}".rstrip())


def _is_plain(name: str) -> bool:
    return bool(name) and all(ch.isalnum() or ch in "-_." for ch in name)
