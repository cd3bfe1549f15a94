"""Routes with what their snippets say."""

from __future__ import annotations

import msgspec

from sealos_gateway.model.keys import BackendKey
from sealos_gateway.model.policy import HeaderAction, HeaderChange, HeaderChanges, Policy, Rewrite, Timeouts
from sealos_gateway.model.statements import Statements
from sealos_gateway.model.template import literal
from sealos_gateway.model.traffic import (
    Conditions,
    Forward,
    Match,
    PathKind,
    Respond,
    Route,
    Split,
    Target,
    TextKind,
    TextMatch,
)
from sealos_gateway.nginx.snippet import translate
from sealos_gateway.resources.meta import Origin, Ref
from sealos_gateway.translate import variants
from sealos_gateway.translate.world import Interned

ROUTE = Route(Match(PathKind.PREFIX, "/a"), Forward(BackendKey("ns", "web", 80)), Origin("Ingress", Ref("ns", "i")))
SPLIT = Split((Target(BackendKey("ns", "web", 80)), Target(BackendKey("ns", "new", 80)), Target(None)))


def made(text: str, route: Route = ROUTE) -> list[Route]:
    found = translate(text)
    assert found.mistakes == ()
    return variants.routes(route, found.statements, Interned())


def test_nothing_said_is_the_route_itself() -> None:
    assert variants.routes(ROUTE, Statements(), Interned()) == [ROUTE]


def test_variants_keep_their_order_and_the_conditions_of_the_route() -> None:
    own = Conditions(headers=(TextMatch("x-own"),), rank=3)
    route = msgspec.structs.replace(ROUTE, match=msgspec.structs.replace(ROUTE.match, conditions=own))
    first, second, last = made("if ($http_a = 1) { return 403; } if ($cookie_b = 2) { add_header X-B 1; }", route)
    assert first.action == Respond(403)
    assert first.match.conditions.headers == (TextMatch("x-own"), TextMatch("a", TextKind.EXACT, "1"))
    assert second.match.conditions.cookies == (TextMatch("b", TextKind.REGEX, "2"),)
    assert last.match.conditions.headers == own.headers
    assert {route.match.conditions.rank for route in (first, second, last)} == {3}


def test_what_annotations_say_stays_and_the_snippet_comes_after() -> None:
    own = HeaderChange(HeaderAction.SET, "x-own", literal("1"))
    policy = Policy(
        response_headers=HeaderChanges((own,)), timeouts=Timeouts(request=9.0, idle=1.0), rewrite=Rewrite(prefix="/b")
    )
    route = msgspec.structs.replace(ROUTE, policy=policy)
    (one,) = made(
        "more_set_headers 'X-Own: 2'; proxy_read_timeout 30; proxy_send_timeout 40; proxy_set_header Host h;", route
    )
    assert one.policy is not None
    assert [str(change.value) for change in one.policy.response_headers.changes] == ["1", "2"]  # type: ignore[union-attr]
    assert one.policy.timeouts == Timeouts(request=9.0, idle=40.0)
    assert one.policy.rewrite == Rewrite(prefix="/b", host=literal("h"))
    rewritten, same = made("rewrite ^/a/x(.*)$ /y$1 break;", route)
    assert rewritten.policy is not None
    assert rewritten.policy.rewrite is not None
    assert (rewritten.policy.rewrite.prefix, rewritten.policy.rewrite.substitution) == (None, "/y\\1")
    assert same.policy == policy


def test_an_answer_of_the_gateway_is_for_everybody() -> None:
    answered, forwarded = made("deny 10.0.0.0/8; if ($http_a) { return 200 x; }")
    assert answered.policy is not None
    assert (answered.policy.networks, answered.action) == (None, Respond(200, "x"))
    assert forwarded.policy is not None
    assert forwarded.policy.networks is not None


def test_limits_and_switches() -> None:
    (one,) = made("client_max_body_size 5m; limit_rate 2k; gzip on; access_log off;")
    policy = one.policy
    assert policy is not None
    assert policy.bandwidth is not None
    assert (policy.body_limit, policy.bandwidth.response, policy.access_log) == (5 << 20, 2048, False)
    assert policy.compression is not None


def test_whether_a_rewrite_leaves_the_route() -> None:
    def leaves(text: str) -> bool:
        return variants.leaves(ROUTE, translate(text).statements.variants[0])

    assert leaves("rewrite ^/a/(.*)$ /b/$1 last;")
    assert leaves("rewrite ^/a/(.*)$ /ab/$1 last;")
    assert not leaves("rewrite ^/a/(.*)$ /b/$1 break;")
    assert not leaves("rewrite ^/a/(.*)$ /a/b/$1 last;")


def test_the_time_of_a_connection_belongs_to_the_backend() -> None:
    (one,) = made("proxy_connect_timeout 3;")
    (several,) = made("proxy_connect_timeout 1500ms;", msgspec.structs.replace(ROUTE, action=SPLIT))
    times = [[key.policy and key.policy.connect_timeout for key in route.backends] for route in (one, several)]
    assert times == [[3.0], [1.5, 1.5]]
    (answered,) = made("proxy_connect_timeout 3; return 404;")
    assert answered.action == Respond(404)


def test_what_says_the_same_is_one_value() -> None:
    interned = Interned()
    texts = "more_set_headers 'X-A: 1'; proxy_connect_timeout 3;"
    first, second = (variants.routes(ROUTE, translate(texts).statements, interned)[0] for _ in range(2))
    assert first.policy is second.policy is not None
    assert first.backends[0].policy is second.backends[0].policy is not None
