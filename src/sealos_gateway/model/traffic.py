"""Hosts and routes: which requests go where."""

from __future__ import annotations

import enum
import heapq
from collections.abc import Callable

import msgspec

from sealos_gateway.model.authorization import Authorization
from sealos_gateway.model.client_tls import ClientTls
from sealos_gateway.model.keys import BackendKey, HostKey
from sealos_gateway.model.policy import HeaderChanges, Policy
from sealos_gateway.model.problem import Problem
from sealos_gateway.model.template import Template
from sealos_gateway.resources.meta import Origin


class PathKind(enum.IntEnum):
    """The order is the precedence among matches: an exact path can never lose to a prefix of it."""

    EXACT = 0
    #: RE2, against the whole path without the query (full match).
    REGEX = 1
    PREFIX = 2
    #: A prefix of the text, not of whole elements: `/a` matches `/ab`.
    TEXT_PREFIX = 3


class TextKind(enum.IntEnum):
    """How a header, a query parameter or a cookie is compared."""

    EXACT = 0
    PREFIX = 1
    #: RE2, full match.
    REGEX = 2
    PRESENT = 3


class _Value(msgspec.Struct, frozen=True, gc=False):
    pass


class TextMatch(_Value, frozen=True):
    """One condition on a header (lower-case name; `:authority`, `:method` … are headers too), parameter or cookie."""

    name: str
    kind: TextKind = TextKind.EXACT
    value: str = ""
    invert: bool = False

    def __str__(self) -> str:
        sign = {TextKind.EXACT: "=", TextKind.PREFIX: "^=", TextKind.REGEX: "~", TextKind.PRESENT: ""}[self.kind]
        return f"{'not ' if self.invert else ''}{self.name}{sign}{self.value}"


class Conditions(_Value, frozen=True):
    """What a request must have besides its path; all of it."""

    methods: tuple[str, ...] = ()
    headers: tuple[TextMatch, ...] = ()
    queries: tuple[TextMatch, ...] = ()
    cookies: tuple[TextMatch, ...] = ()
    #: Precedence among equal paths, before everything else: lower comes first (canary before its main route).
    rank: int = 0
    #: Of the requests that have all this only a share is taken, at random: so many in a million; 0 is all.
    share: int = 0

    @property
    def sort_key(self) -> tuple[int, int, int, int]:
        """More specific before less (Gateway API HTTPRouteMatch: method, number of headers, of query parameters)."""
        return (self.rank, 0 if self.methods else 1, -len(self.headers) - len(self.cookies), -len(self.queries))

    def __str__(self) -> str:
        """Empty, or words that go on after a path."""
        texts = [f"method {'|'.join(self.methods)}"] if self.methods else []
        for what, several in (("header", self.headers), ("cookie", self.cookies), ("parameter", self.queries)):
            texts += [f"{what} {one}" for one in several]
        share = f", {self.share / 10_000:g}% of the requests" if self.share else ""
        return f" if {', '.join(texts)}{share}" if texts else share


NO_CONDITIONS = Conditions()


class Match(_Value, frozen=True):
    """`path` of a PREFIX has no trailing slash and matches whole elements; `/` matches everything."""

    kind: PathKind
    path: str
    ignore_case: bool = False
    conditions: Conditions = NO_CONDITIONS
    #: How much the user wrote, where `path` is not just that (a pattern with something around it).
    length: int = 0

    @property
    def sort_key(self) -> tuple[int, int, int, int, int, int]:
        """Exact before the rest, longer before shorter, more conditions before fewer."""
        kind = min(self.kind, PathKind.PREFIX)  # prefixes of both kinds are one list, the longest first
        return (kind, -(self.length or len(self.path)), *self.conditions.sort_key)

    def __str__(self) -> str:
        case = " (any case)" if self.ignore_case else ""
        kind = self.kind.name.title().replace("_", " ")
        return f"{kind} {self.path}{case}{self.conditions}"


class Forward(_Value, frozen=True, tag=True):
    backend: BackendKey


class Target(_Value, frozen=True):
    """One of several backends. Without `backend` (what it names does not exist) its share is answered 500."""

    backend: BackendKey | None
    weight: int = 1
    request_headers: HeaderChanges | None = None
    response_headers: HeaderChanges | None = None


class Split(_Value, frozen=True, tag=True):
    """Each request goes to one target, at random by weight. At least one weight is above zero."""

    targets: tuple[Target, ...]


class Redirect(_Value, frozen=True, tag=True):
    """Answer with a Location. Empty parts stay as they are in the request; `path` replaces all of it, `prefix` what
    the match's prefix matched, `substitution` (`\\1` …) what `pattern` (RE2) matches. `port` 0 writes none, but where
    `keep_port` leaves the port that the client wrote behind its host. Codes: 301, 302, 303, 307, 308."""

    code: int = 302
    scheme: str = ""
    host: str = ""
    port: int = 0
    path: str | None = None
    prefix: str | None = None
    strip_query: bool = False
    #: All of the Location, exactly; then no other part counts.
    location: Template | None = None
    pattern: str = ""
    substitution: str = ""
    keep_port: bool = False


class Respond(_Value, frozen=True, tag=True):
    """Answer from the gateway itself; a backend that does not exist answers as Envoy words it."""

    status: int
    body: str = ""


Action = Forward | Split | Redirect | Respond


def backends(action: Action) -> tuple[BackendKey, ...]:
    """The backends that an action may send a request to."""
    match action:
        case Forward(backend):
            return (backend,)
        case Split(targets):
            return tuple(target.backend for target in targets if target.backend is not None)
    return ()


class Route(_Value, frozen=True):
    match: Match
    action: Action
    origin: Origin
    #: Redirect plain HTTP to HTTPS with 308 instead of answering it.
    https_only: bool = False
    #: What happens to a request besides where it goes; equal policies are one value, however many routes have them.
    policy: Policy | None = None

    @property
    def backends(self) -> tuple[BackendKey, ...]:
        """Every backend that the route may need: where it goes, where copies go, who is asked for permission."""
        extra = self.policy.backends if self.policy else ()
        return (*backends(self.action), *extra) if extra else backends(self.action)


def redirected(route: Route, changed: Callable[[BackendKey], BackendKey]) -> Route:
    """The route with other backends: where it goes, where copies go, who is asked for permission."""
    action = route.action
    match action:
        case Forward(backend):
            action = Forward(changed(backend))
        case Split(targets):
            action = Split(tuple(_at(it, changed(it.backend)) if it.backend else it for it in targets))
    policy = route.policy.redirected(changed) if route.policy and route.policy.backends else route.policy
    return msgspec.structs.replace(route, action=action, policy=policy)


def _at(target: Target, backend: BackendKey) -> Target:
    return msgspec.structs.replace(target, backend=backend)


class VirtualHost(_Value, frozen=True):
    """Everything that answers for one host. Routes are in order of precedence; no catch-all 404 is listed."""

    key: HostKey
    routes: tuple[Route, ...]
    origins: tuple[Origin, ...]
    problems: tuple[Problem, ...] = ()
    #: How its clients speak TLS, where that is not the usual way; never on a wildcard or on any host.
    client_tls: ClientTls | None = None
    #: Only over connections whose server name chose this hostname; others are answered 421. Empty: over all.
    connections: str = ""
    #: Who is asked about each request, in order, before a route is chosen.
    asked: tuple[Authorization, ...] = ()

    @property
    def backends(self) -> tuple[BackendKey, ...]:
        """Every backend that the host may need, besides one that TLS is handed through to."""
        return (*(it.backend for it in self.asked), *(key for route in self.routes for key in route.backends))


def together(first: VirtualHost, second: VirtualHost) -> VirtualHost:
    """Two rows for one host as one: the more specific match first, and of equal ones that of `first`."""
    # Merged, not sorted: what snippets made of a route has an order of its own.
    routes = heapq.merge(first.routes, second.routes, key=lambda route: route.match.sort_key)
    origins, problems = (*first.origins, *second.origins), (*first.problems, *second.problems)
    return VirtualHost(
        first.key, tuple(routes), origins, problems, first.client_tls, asked=(*first.asked, *second.asked)
    )


class Listener(_Value, frozen=True):
    """A port that is listened on. `gateway` says whose hosts it serves."""

    name: str
    gateway: str
    address: str
    port: int
    tls: bool = False
    #: How many services at most are asked before a route is chosen (`VirtualHost.asked`).
    asked: int = 0
