"""Values with holes: text in which parts are filled in per request. Headers, redirects, rewrites and hash keys use it.

A template is data. Its literal parts mean exactly the characters they hold, whatever those mean to a proxy: how they
are protected is the business of the renderer (`envoy.templates`).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec


class Of(enum.Enum):
    """What a variable is read from. A value that is absent is the empty text."""

    HOST = "host"  # the host asked for, in lower case, without a port
    AUTHORITY = "authority"  # the Host header as the client wrote it
    METHOD = "method"
    SCHEME = "scheme"  # http or https, as the client sees it
    PROTOCOL = "protocol"  # HTTP/1.1, HTTP/2
    PATH = "path"  # without the query
    PATH_AND_QUERY = "path and query"
    ESCAPED_PATH_AND_QUERY = "escaped path and query"  # for a parameter of another URL
    QUERY = "query"  # without the question mark
    QUERY_PARAMETER = "query parameter"  # `name`
    REQUEST_HEADER = "request header"  # `name`, lower case
    RESPONSE_HEADER = "response header"  # `name`, lower case; only where a response is at hand
    COOKIE = "cookie"  # `name`
    CLIENT_ADDRESS = "client address"
    CLIENT_PORT = "client port"
    SERVER_ADDRESS = "server address"
    SERVER_PORT = "server port"
    FORWARDED_FOR = "forwarded for"  # X-Forwarded-For with the client's address at its end
    REQUEST_ID = "request id"
    STATUS = "status"  # of the response
    UPSTREAM_ADDRESS = "upstream address"
    HOSTNAME = "hostname"  # of the machine the gateway runs on
    TLS_VERSION = "TLS version"
    TLS_CIPHER = "TLS cipher"
    SERVER_NAME = "server name"  # that the client asked for in its handshake (SNI)
    CLIENT_CERTIFICATE = "client certificate"  # PEM, URL encoded
    CLIENT_SUBJECT = "client subject"  # of that certificate
    CLIENT_ISSUER = "client issuer"
    CLIENT_SERIAL = "client serial"
    CAPTURE = "capture"  # `name` is the number of a group of the regular expression that the user of the value names


class Variable(msgspec.Struct, frozen=True, gc=False):
    """`name` says which one, where there are several (headers, parameters, cookies, captures)."""

    of: Of
    name: str = ""

    def __str__(self) -> str:
        return f"{self.of.value} {self.name}" if self.name else self.of.value


Part = str | Variable


class Template(msgspec.Struct, frozen=True, gc=False):
    """Parts in order. Made by `joined`, so that equal values have equal parts: no empty text, no two texts in a row."""

    parts: tuple[Part, ...] = ()

    @property
    def literal(self) -> str | None:
        """The text, where nothing is filled in; else None."""
        if not self.parts:
            return ""
        first = self.parts[0]
        return first if len(self.parts) == 1 and isinstance(first, str) else None

    @property
    def variables(self) -> tuple[Variable, ...]:
        return tuple(part for part in self.parts if isinstance(part, Variable))

    def __str__(self) -> str:
        """For people: what is filled in stands in braces."""
        return "".join(part if isinstance(part, str) else f"{{{part}}}" for part in self.parts)


def joined(parts: Iterable[Part]) -> Template:
    """The parts as one template."""
    found: list[Part] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        elif part:
            found.append(part)
    return Template(tuple(found))


def literal(text: str) -> Template:
    """A template in which nothing is filled in."""
    return joined((text,))
