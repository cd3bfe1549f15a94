"""Values of the model as our policies write them: times, templates with nginx' variables, references."""

from __future__ import annotations

from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.template import Of, Template, Variable
from sealos_gateway.resources.policies.common import ServiceReference


class InexpressibleError(Exception):
    """The other form has no words for it. The message says what."""


_ONE = {
    Of.HOST: "host", Of.AUTHORITY: "http_host", Of.METHOD: "request_method", Of.SCHEME: "scheme", Of.QUERY: "args",
    Of.PATH: "uri", Of.PATH_AND_QUERY: "request_uri", Of.ESCAPED_PATH_AND_QUERY: "escaped_request_uri",
    Of.PROTOCOL: "server_protocol",
    Of.CLIENT_ADDRESS: "remote_addr", Of.CLIENT_PORT: "remote_port", Of.SERVER_ADDRESS: "server_addr",
    Of.SERVER_PORT: "server_port", Of.FORWARDED_FOR: "proxy_add_x_forwarded_for", Of.REQUEST_ID: "request_id",
    Of.STATUS: "status", Of.UPSTREAM_ADDRESS: "upstream_addr", Of.HOSTNAME: "hostname", Of.TLS_VERSION: "ssl_protocol",
    Of.TLS_CIPHER: "ssl_cipher", Of.SERVER_NAME: "ssl_server_name", Of.CLIENT_CERTIFICATE: "ssl_client_escaped_cert",
    Of.CLIENT_SUBJECT: "ssl_client_s_dn", Of.CLIENT_ISSUER: "ssl_client_i_dn", Of.CLIENT_SERIAL: "ssl_client_serial",
}  # fmt: skip
_NAMED = {
    Of.REQUEST_HEADER: "http_", Of.RESPONSE_HEADER: "sent_http_", Of.QUERY_PARAMETER: "arg_", Of.COOKIE: "cookie_",
}  # fmt: skip


def nginx(template: Template) -> str:
    """The text that reads as this template (`nginx.variables`). Raises InexpressibleError."""
    return "".join(_part(part) for part in template.parts)


def _part(part: str | Variable) -> str:
    if isinstance(part, str):
        if "$" in part:
            raise InexpressibleError(f"the text {part[:40]!r} holds a dollar sign beside variables")
        return part
    if name := _ONE.get(part.of):
        return f"${{{name}}}"
    if (prefix := _NAMED.get(part.of)) and part.name.replace("-", "").replace("_", "").isalnum():
        return f"${{{prefix}{part.name.replace('-', '_')}}}"
    raise InexpressibleError(f"nothing can be filled in for the {part}")


def duration(seconds: float) -> str:
    """As Go and the Gateway API write it (GEP-2257): `1h30m`, `2s`, `500ms`."""
    left = round(seconds * 1000)
    if left == 0:
        return "0s"
    found = ""
    for size, unit in ((3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")):
        count, left = divmod(left, size)
        if count > 99_999:
            raise InexpressibleError(f"{seconds:g} seconds are too long for a duration")
        found += f"{count}{unit}" if count else ""
    return found


def service(key: BackendKey, namespace: str) -> ServiceReference:
    """A reference to a Service, seen from a namespace. Raises InexpressibleError for what is outside of the cluster."""
    if not key.namespace:
        raise InexpressibleError(f"{key.service} is no Service; make one of type ExternalName")
    return ServiceReference(key.service, key.port, None if key.namespace == namespace else key.namespace)
