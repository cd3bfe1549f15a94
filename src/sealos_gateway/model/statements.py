"""What snippets say, in neutral words: alternatives of one route, each with its conditions and all that it does.

How to use it: a route with `Statements` becomes one route per `Variant`, in the same order, the conditions of the
variant added to its match. The first that matches answers, and the last has no conditions, so there is always one.
Nothing of one variant holds for another: what they share stands in each.
"""

from __future__ import annotations

import msgspec

from sealos_gateway.model.policy import HeaderChange, Networks, Rewrite
from sealos_gateway.model.traffic import NO_CONDITIONS, Conditions, Redirect, Respond


class _Value(msgspec.Struct, frozen=True, gc=False):
    pass


class Tuning(_Value, frozen=True):
    """Limits and switches; None says nothing about it. Times in seconds, sizes in bytes."""

    connect_seconds: float | None = None
    read_seconds: float | None = None
    send_seconds: float | None = None
    max_body: int | None = None  # 0: no limit
    header_bytes: int | None = None  # all request headers together; a limit of the port, not of a route
    bytes_per_second: int | None = None  # of a response; 0: no limit
    compress: bool | None = None
    access_log: bool | None = None


class Variant(_Value, frozen=True):
    """One alternative. The changes of headers are made in their order, after those of the route itself.

    With `answer` nothing is forwarded, and only `response_headers` and the access log mean anything.

    `rewrite` replaces the whole path (`pattern` covers all of it), or the Host. With `again`, nginx looks for the
    path's rule once more, with the new path: the same as staying only where every new path belongs to this route;
    `begins` is how each starts.
    """

    conditions: Conditions = NO_CONDITIONS
    request_headers: tuple[HeaderChange, ...] = ()
    response_headers: tuple[HeaderChange, ...] = ()
    rewrite: Rewrite | None = None
    again: bool = False
    begins: str = ""
    answer: Redirect | Respond | None = None
    tuning: Tuning = Tuning()


class Statements(_Value, frozen=True):
    """`networks` holds for what is forwarded: an answer of the gateway itself is given to everybody, as in nginx."""

    variants: tuple[Variant, ...] = (Variant(),)
    networks: Networks | None = None
