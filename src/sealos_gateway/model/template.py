"""Text with holes: values that are partly known only when a request comes.

A header value, a redirect, a rewritten path or a key to hash by may name properties of the request. What a user wrote
is parsed into parts; a `%` or `$` in a literal part means nothing but itself, whatever Envoy or nginx make of it.
"""

from __future__ import annotations

import enum

import msgspec


class Property(enum.Enum):
    """What of a request (or response) can stand in a template. Those with `name` in the comment need one."""

    AUTHORITY = "authority"  # Host as the client sent it, with its port
    HOST = "host"  # without its port, lower case
    METHOD = "method"
    SCHEME = "scheme"
    PATH = "path"  # without the query, after rewriting
    QUERY = "query"  # without the question mark
    REQUEST_URI = "request_uri"  # path and query as the client sent them
    HEADER = "header"  # name: request header
    PARAMETER = "parameter"  # name: query parameter
    COOKIE = "cookie"  # name
    CAPTURE = "capture"  # name: "1" to "9", of the regular expression that matched the path
    CLIENT_ADDRESS = "client_address"
    FORWARDED_FOR = "forwarded_for"  # X-Forwarded-For with the client's address added
    REQUEST_ID = "request_id"
    SERVER_PORT = "server_port"
    PROTOCOL = "protocol"
    STATUS = "status"
    RESPONSE_HEADER = "response_header"  # name
    UPSTREAM_ADDRESS = "upstream_address"
    TLS_SUBJECT = "tls_subject"
    TLS_ISSUER = "tls_issuer"
    TLS_CERTIFICATE = "tls_certificate"  # PEM, URL-encoded
    TLS_VERIFIED = "tls_verified"  # SUCCESS, FAILED or NONE
    TLS_FINGERPRINT = "tls_fingerprint"
    TLS_PROTOCOL = "tls_protocol"
    TLS_CIPHER = "tls_cipher"


class Variable(msgspec.Struct, frozen=True, gc=False):
    of: Property
    name: str = ""


class Template(msgspec.Struct, frozen=True, gc=False):
    """Literal text and variables, in order; adjacent literals are merged, so equal meanings are mostly equal values."""

    parts: tuple[str | Variable, ...]

    @property
    def literal(self) -> str | None:
        """The text, where it has no holes."""
        if not self.parts:
            return ""
        return self.parts[0] if len(self.parts) == 1 and isinstance(self.parts[0], str) else None


def literal(text: str) -> Template:
    """A template without holes."""
    return Template((text,) if text else ())
