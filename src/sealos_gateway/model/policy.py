"""What happens to a request besides where it goes. Annotations, Gateway API and our own kinds all end here.

One `Policy` is shared by all routes that have it, so that 100,000 routes with the same ten annotations hold one value.
Every attribute has a default that means 'nothing': a route without policies has no `Policy`. Times are in seconds,
sizes in bytes. How each is done on Envoy is told in `envoy/policies`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

import msgspec

from sealos_gateway.model.authorization import Authorization
from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.private import Private
from sealos_gateway.model.template import Template
from sealos_gateway.resources.meta import Ref


class _Value(msgspec.Struct, frozen=True, gc=False):
    pass


class HeaderAction(enum.Enum):
    SET = "set"
    ADD = "add"
    ADD_IF_ABSENT = "add_if_absent"
    #: Only where the backend sent one.
    REPLACE = "replace"
    REMOVE = "remove"


class HeaderChange(_Value, frozen=True):
    """`name` in lower case. With `statuses` (responses only) it applies to these status codes alone, with
    `content_types` (no parameters) to responses of these types, letter for letter, with `secure` to those over HTTPS.
    """

    action: HeaderAction
    name: str
    value: Template = Template()
    statuses: tuple[int, ...] = ()
    content_types: tuple[str, ...] = ()
    secure: bool = False

    @property
    def always(self) -> bool:
        """Whether it is for every message."""
        return not (self.statuses or self.content_types or self.secure)


class HeaderChanges(_Value, frozen=True):
    """In order."""

    changes: tuple[HeaderChange, ...]


class Timeouts(_Value, frozen=True):
    """None: as usual; 0: none. `request` bounds the whole exchange, `attempt` one try of it, `idle` a silence."""

    request: float | None = None
    attempt: float | None = None
    idle: float | None = None


class RetryOn(enum.Enum):
    CONNECT_FAILURE = "connect-failure"
    REFUSED_STREAM = "refused-stream"
    RESET = "reset"
    RESET_BEFORE_REQUEST = "reset-before-request"
    #: After the request was sent, where repeating its method is harmless (RFC 9110, 9.2.2).
    RESET_IF_IDEMPOTENT = "reset-if-idempotent"
    GATEWAY_ERROR = "gateway-error"  # 502, 503, 504
    SERVER_ERROR = "5xx"


class Retry(_Value, frozen=True):
    """`attempts` are repeats after the first try; 0 switches retries off. `statuses` are retried in addition."""

    attempts: int
    on: tuple[RetryOn, ...] = ()
    statuses: tuple[int, ...] = ()
    base_interval: float = 0.0
    max_interval: float = 0.0
    #: Repeat after an answer, or after `RESET`, only methods of which repeating is harmless (RFC 9110, 9.2.2).
    idempotent_only: bool = False


class Rewrite(_Value, frozen=True):
    """At most one way for the path: `prefix` replaces what the match's prefix matched, `path` all of it, `pattern`
    (RE2) with `substitution` (`\\1` …) what it matches. `host` replaces Host."""

    prefix: str | None = None
    path: str | None = None
    pattern: str = ""
    substitution: str = ""
    host: Template | None = None


class Cors(_Value, frozen=True):
    """Cross-origin requests (Fetch standard). `origins` are `*`, exact origins, or `https://*.example.com` (one label
    or more, see `one_label`). Requests of other origins are served, without the headers that browsers ask for."""

    origins: tuple[str, ...] = ("*",)
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    expose: tuple[str, ...] = ()
    credentials: bool = False
    max_age: int | None = None
    one_label: bool = False
    #: Answer every OPTIONS of an allowed origin, as ingress-nginx does, not only those that ask for permission.
    any_options: bool = False
    #: A preflight of another origin is answered too, without permission (Gateway API), instead of by the backend.
    answer_others: bool = False


class RateKey(enum.Enum):
    """What a limit is counted for."""

    CLIENT = "client"  # each client address
    ROUTE = "route"  # all requests together


class RateLimit(_Value, frozen=True):
    """A token bucket per Envoy: `requests` in `seconds`, at most `burst` at once. `exempt` are networks not counted."""

    key: RateKey
    requests: int
    seconds: int
    burst: int
    status: int = 429
    exempt: tuple[str, ...] = ()


class ConnectionLimit(_Value, frozen=True):
    """At most so many requests in progress for each client address; `exempt` are networks not counted."""

    most: int
    status: int = 503
    exempt: tuple[str, ...] = ()


class Bandwidth(_Value, frozen=True):
    """Bytes a second of each response, of each request's body; 0 means no limit."""

    response: int = 0
    request: int = 0


class Networks(_Value, frozen=True):
    """Client addresses by CIDR: `deny` is asked first, then `allow` (empty: everybody else)."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


class BasicAuth(_Value, frozen=True):
    """Who knows a password (RFC 7617). `users` are lines `name:digest` of the Secret, in the forms of htpasswd that the
    gateway can check: `{SHA}`, `{SSHA}`, `{PLAIN}`, `$apr1$`, `$1$`."""

    secret: Ref
    users: Private = Private()
    realm: str = ""


class ExternalAuth(_Value, frozen=True):
    """Ask another service first. 2xx lets the request pass, 401 and 403 are given to the client, all else is 500.

    The backend is a row like any other; `host` is its Host, `path` the path to ask (with its query), `method` empty for
    GET. `copy_response` headers go to the backend (and from nobody else); `signin` is where 401 is redirected to;
    `redirect` is what X-Auth-Request-Redirect says, which is the request's path and query where it is None.
    """

    backend: BackendKey
    host: str
    path: Template
    method: str = ""
    signin: Template | None = None
    copy_response: tuple[str, ...] = ()
    request_headers: HeaderChanges | None = None
    always_set_cookie: bool = False
    redirect: Template | None = None
    cache_key: Template | None = None
    #: (status, or 0 for any; seconds)
    cache: tuple[tuple[int, int], ...] = ()
    timeout: float = 60.0


class Affinity(_Value, frozen=True):
    """A cookie that keeps a client with its endpoint; a `persistent` one names the endpoint and wins over balance.

    With `header` it is that header of requests and answers, and there is no cookie. A `browser_session` lasts for at
    most `max_age` seconds, which the gateway knows and the browser does not: that keeps the cookie while it runs.
    """

    cookie: str
    path: str = ""
    domain: str = ""
    max_age: int | None = None
    same_site: str = ""
    secure: bool = False
    http_only: bool = True
    persistent: bool = True
    header: str = ""
    browser_session: bool = False


class Mirror(_Value, frozen=True):
    """Send a copy of some requests elsewhere and forget the answer. `numerator` of `denominator` requests."""

    backend: BackendKey
    numerator: int = 100
    denominator: int = 100
    host: str = ""


class ErrorPages(_Value, frozen=True):
    """Answers with one of `statuses` are replaced by what this backend says to the same request (X-Code and so on)."""

    backend: BackendKey
    statuses: tuple[int, ...]
    headers: HeaderChanges | None = None


class Compression(_Value, frozen=True):
    """Content types in lower case; empty: Envoy's usual ones."""

    types: tuple[str, ...] = ()
    min_bytes: int = 256
    level: int = 1


class CookieChange(_Value, frozen=True):
    """Replace Domain (all of it, in any letter case) or the beginning of Path in a Set-Cookie of the backend."""

    attribute: str  # domain, path
    before: str
    after: str


class Tracing(_Value, frozen=True):
    """Whether requests are traced (None: as usual), and what their spans are called (None: as usual)."""

    enabled: bool | None = None
    operation: Template | None = None


class Policy(_Value, frozen=True, weakref=True, gc=True):
    """See the text of this module."""

    timeouts: Timeouts | None = None
    retry: Retry | None = None
    request_headers: HeaderChanges | None = None
    response_headers: HeaderChanges | None = None
    rewrite: Rewrite | None = None
    cors: Cors | None = None
    body_limit: int = 0
    buffer_request: bool = False
    rate_limits: tuple[RateLimit, ...] = ()
    connections: ConnectionLimit | None = None
    bandwidth: Bandwidth | None = None
    networks: Networks | None = None
    basic_auth: BasicAuth | None = None
    external_auth: ExternalAuth | None = None
    #: One of networks, basic and external authentication is enough.
    satisfy_any: bool = False
    #: Asked after all of these, and whatever they said: a condition of its own.
    authorization: Authorization | None = None
    affinity: Affinity | None = None
    #: Hashed together, in order, to choose an endpoint.
    hash_by: tuple[Template, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    error_pages: ErrorPages | None = None
    compression: Compression | None = None
    cookies: tuple[CookieChange, ...] = ()
    #: (from, to): the beginning of Location of the backend.
    location: tuple[tuple[str, str], ...] = ()
    access_log: bool = True
    tracing: Tracing | None = None

    @property
    def one_is_enough(self) -> bool:
        """Whether networks are no condition of their own, because something else may satisfy as well."""
        return self.satisfy_any and (self.basic_auth is not None or self.external_auth is not None)

    def redirected(self, changed: Callable[[BackendKey], BackendKey]) -> Policy:
        """The same with other `backends`."""
        auth, asked, pages = self.external_auth, self.authorization, self.error_pages
        return msgspec.structs.replace(
            self,
            mirrors=tuple(msgspec.structs.replace(it, backend=changed(it.backend)) for it in self.mirrors),
            external_auth=auth and msgspec.structs.replace(auth, backend=changed(auth.backend)),
            authorization=asked and msgspec.structs.replace(asked, backend=changed(asked.backend)),
            error_pages=pages and msgspec.structs.replace(pages, backend=changed(pages.backend)),
        )

    @property
    def backends(self) -> tuple[BackendKey, ...]:
        """Backends besides the one that answers: they must be with Envoy before the route is."""
        found = [mirror.backend for mirror in self.mirrors]
        if self.external_auth:
            found.append(self.external_auth.backend)
        if self.authorization:
            found.append(self.authorization.backend)
        if self.error_pages:
            found.append(self.error_pages.backend)
        return tuple(found)
