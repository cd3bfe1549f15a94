"""How TLS is spoken with the clients of one host, where it differs from the usual way of the listener.

It holds for a whole host, because the handshake knows nothing but the server name. Annotations of Ingresses and the
client validation of the Gateway API end here.
"""

from __future__ import annotations

import enum

import msgspec

from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.template import Template
from sealos_gateway.resources.meta import Origin


class _Value(msgspec.Struct, frozen=True, gc=False):
    pass


class Ask(enum.Enum):
    """What becomes of a client without a certificate, and of one whose certificate no authority of ours has signed."""

    REQUIRED = "required"  # both are answered 400
    OPTIONAL = "optional"  # the first passes, the second is answered 400
    UNVERIFIED = "unverified"  # both pass; the backend is told


class ClientCertificates(_Value, frozen=True):
    """Certificates of clients. `authority` is a row of the table of trust bundles, `depth` the most between the two.

    `subject` is a regular expression (RE2) of which the subject's distinguished name (RFC 2253) must have a match, else
    403. `error_page` is where a client is redirected to instead of 400. Backends get the headers `ssl-client-verify`,
    `-subject-dn`, `-issuer-dn`, and with `pass_certificate` `ssl-client-cert` (PEM, URL-encoded).
    """

    authority: Origin
    ask: Ask = Ask.REQUIRED
    depth: int = 1
    subject: str = ""
    error_page: Template | None = None
    pass_certificate: bool = False


class ClientTls(_Value, frozen=True):
    """Empty means as usual. With `passthrough` nothing of TLS is read: the bytes go to this backend. Versions are `1.0`
    to `1.3`, ciphers the names that Envoy knows (of TLS 1.2 and below).
    """

    certificates: ClientCertificates | None = None
    min_version: str = ""
    max_version: str = ""
    ciphers: tuple[str, ...] = ()
    passthrough: BackendKey | None = None


class OwnContext(_Value, frozen=True):
    """A server name that needs a filter chain of its own: `algorithms` of certificates that stand side by side (else
    one is fetched on demand), and how TLS is spoken there."""

    server_name: str
    algorithms: tuple[str, ...] = ()
    tls: ClientTls | None = None
