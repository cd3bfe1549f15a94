"""Snippets: what the world writes, what is refused and how, and what a broken one leaves.

What each directive means is held against a real nginx in `tests/e2e/test_snippets.py`.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.model.policy import HeaderAction, Networks
from sealos_gateway.model.statements import Statements, Variant
from sealos_gateway.model.template import literal
from sealos_gateway.model.traffic import Redirect
from sealos_gateway.nginx.directives import RULES
from sealos_gateway.nginx.lexer import Position
from sealos_gateway.nginx.snippet import Translation, translate

STATIC = r'if ($request_uri ~* \.(js|css|gif|jpe?g|png)) { expires 30d; add_header Cache-Control "public"; }'
#: Texts as they stand in the app store and the charts of Sealos, with how many variants each makes.
CORPUS = {
    STATIC: 2,
    "if ($request_uri ~* \\.(js|css|gif|jpe?g|png|svg|woff2?)) {\n  expires 30d;\n"
    '  add_header Cache-Control "public";\n}\n': 2,
    'more_clear_headers "X-Frame-Options:";\nmore_set_headers "Content-Security-Policy: default-src * blob: data: '
    "*.cloud.example 'self' 'unsafe-inline'\";\nmore_set_headers \"X-Xss-Protection: 1; mode=block\";\n" + STATIC: 2,
    'more_set_headers "X-Forwarded-For $http_x_forwarded_for";': 1,
}
BUFFERS = "client_header_buffer_size 64k;\nlarge_client_header_buffers 4 128k;\n"


def told(found: Translation) -> list[str]:
    return [f"{one.where} {one.mistake}" for one in found.mistakes]


@pytest.mark.parametrize("text", CORPUS)
def test_what_sealos_writes_is_taken(text: str) -> None:
    found = translate(text, BUFFERS)
    assert told(found) == []
    assert len(found.statements.variants) == CORPUS[text]
    assert {variant.tuning.header_bytes for variant in found.statements.variants} == {4 * 128 * 1024}


def test_the_broken_ones_are_told_and_leave_the_route_as_it_is() -> None:
    found = translate(STATIC[:-1], BUFFERS)
    assert told(found) == [
        "location line 1, column 47: the block that opens here does not end: write } after its last directive"
    ]
    assert not found.closed
    (variant,) = found.statements.variants  # the server's text is a unit of its own
    assert (variant.response_headers, variant.tuning.header_bytes) == ((), 4 * 128 * 1024)


def test_nothing_says_nothing() -> None:
    assert translate() == translate("# words\n", "\n") == Translation()


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("proxy_pass http://x;", 1, 1, "traffic goes to the backend of the Ingress"),
        ("expires 1d;\n  lua_code x;", 2, 3, "runs a program in nginx"),
        ("access_by_lua_block { x; }", 1, 1, "runs a program in nginx"),
        ("auth_basic x;", 1, 1, "write the annotation auth-type"),
        ("frobnicate on;", 1, 1, "'frobnicate' is not a directive that is translated"),
        ("add_header X-A;", 1, 1, "takes 2 to 3 arguments, not 1"),
        ("add_header X-A a b c;", 1, 1, "quote a value that holds spaces"),
        ("add_header X-A a b;", 1, 18, "'b' is not expected here; quote"),
        ('add_header X-A "a\\nb";', 1, 16, "line breaks"),
        ("add_header X-A $cookie_a;", 1, 16, "cannot hold the cookie a"),
        ("add_header X-A $nothing;", 1, 16, "the variable \\$nothing is not supported"),
        ("add_header Content-Length 5;", 1, 12, "content-length belongs to the gateway"),
        ("proxy_set_header X-Envoy-Retry-On 5xx;", 1, 18, "belongs to the gateway"),
        ("proxy_set_header X-A $sent_http_x;", 1, 22, "there is no response yet"),
        ('more_set_headers "";', 1, 18, "a header is missing"),
        ("more_set_headers -s abc 'X-A: 1';", 1, 21, "is no status"),
        ("more_clear_headers -s 404 X-A;", 1, 1, "takes no -s and -t here"),
        ("more_clear_headers 'X-A*';", 1, 20, "names that end in \\*"),
        ("more_set_headers -x 'X-A: 1';", 1, 18, "has no option -x"),
        ("expires soon;", 1, 9, "is no time"),
        ("expires @12h;", 1, 9, "takes one time here"),
        ("expires 1d {}", 1, 1, "takes no block"),
        ("if ($a = b);", 1, 1, "takes a block"),
        ("if $http_a { }", 1, 1, "stands in parentheses"),
        ("if () { }", 1, 1, "stands in parentheses|is no variable"),
        ("if ($http_a == b) { }", 1, 13, "'==' is no operator"),
        ("if ($http_a = b && $http_c) { }", 1, 17, "nginx has no 'and' and 'or'"),
        ("if (-f $request_filename) { }", 1, 5, "tests of files"),
        ("if ($http_a ~ (?=a)) { }", 1, 15, "look-around"),
        ("if ($http_a ~ .*) { return 403; }", 1, 15, "found in the empty text, too"),
        ("if ($uri ~ a$|b) { return 403; }", 1, 12, "\\^ must stand first and \\$ last"),
        ("if ($http_a = $http_b) { return 403; }", 1, 15, "compare with another variable"),
        ("if ($remote_addr = 1.2.3.4) { return 403; }", 1, 5, "write allow and deny"),
        ("if ($status = 404) { return 403; }", 1, 5, "cannot be tested before the request is forwarded"),
        ("if ($http_a) { deny all; }", 1, 16, "deny cannot stand in an if"),
        ("if ($http_a) { if ($http_b) { } }", 1, 16, "if cannot stand in an if"),
        ("deny nobody;", 1, 6, "is no address"),
        ("return 444;", 1, 8, "closes a connection in nginx only"),
        ("return 99;", 1, 8, "from 200 to 599"),
        ('return 200 "$host";', 1, 12, "cannot hold variables"),
        ("return 200 '" + "x" * 4097 + "';", 1, 12, "longer than 4096 bytes"),
        ("if ($request_uri ~ ^/a/(.*)) { return 301 https://b.test/$1; }", 1, 43, "only groups of \\$uri"),
        ("rewrite ^ https://$host$request_uri permanent;", 1, 11, "a second time; write \\?"),
        ("rewrite ^/a /b?c=d break;", 1, 13, "cannot hold \\?"),
        ("rewrite ^/a /$host break;", 1, 13, "cannot hold the host"),
        ("rewrite ^/a b break;", 1, 13, "starts with /"),
        ("rewrite ^/a /b; rewrite ^/b /c;", 1, 17, "rewritten before"),
        ("rewrite ^/a /b never;", 1, 16, "is no flag"),
        ("if ($uri ~ ^/(.*)$) { set $p $1; }", 1, 30, "a captured group can be used in the URL"),
        ("set $host x;", 1, 5, "nginx' own variable"),
        ("access_log /dev/null;", 1, 12, "write access_log off"),
        ("proxy_http_version 1.0;", 1, 20, "cannot be spoken"),
    ],
)
def test_refused_with_a_place_and_what_to_write(text: str, line: int, column: int, said: str) -> None:
    found = translate(text)
    assert found.statements == Statements()
    (one,) = found.mistakes
    assert (one.where, one.mistake.at) == ("location", Position(line, column))
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(one.mistake.message)


def test_all_mistakes_of_a_text_are_told_at_once_up_to_a_bound() -> None:
    found = translate("a; expires x; if (x) { b; }", "c;")
    assert [one.mistake.at.column for one in found.mistakes] == [1, 1, 12, 19, 24]
    assert len(translate("a;" * 100).mistakes) == 10


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("deny 10.0.0.0/8; frob;", True),
        ("if ($http_a ~ (?=b)) { return 403; }", True),
        ("if ($uri ~ x) { return 401; ", True),
        ("auth_request /x;", True),
        ("more_clear_input_headers X-User; frob;", True),
        ("access_by_lua 'x';", True),
        ("frob; expires 1d; more_set_headers 'X: 1';", False),
        ("frob; return 301 https://a.test;", False),
        ("frob; # deny all\n", False),
    ],
)
def test_what_protects_is_closed_when_it_cannot_be_applied(text: str, closed: bool) -> None:
    assert translate(text).closed is closed
    assert translate("", text).closed is closed


def test_one_text_being_wrong_leaves_the_other() -> None:
    found = translate("add_header X-L 1;", "return $http_a;")
    assert [one.where for one in found.mistakes] == ["server"]
    assert found.statements.variants[0].response_headers[0].name == "x-l"
    found = translate("add_header X-L $nothing;", "add_header X-S 1;")
    assert [one.where for one in found.mistakes] == ["location"]
    assert found.statements.variants[0].response_headers[0].name == "x-s"


def test_variables_that_are_constant_are_decided_beforehand() -> None:
    text = "if ($host ~* ^www\\.(.*)) { return 301 https://$1$request_uri; } add_header X-N $namespace;"
    found = translate(text, known={"host": literal("www.a.test"), "namespace": literal("ns")})
    (variant,) = found.statements.variants
    assert isinstance(variant.answer, Redirect)
    assert str(variant.answer.location) == "https://a.test{path and query}"
    (variant,) = translate(text, known={"host": literal("a.test"), "namespace": literal("$ns%")}).statements.variants
    assert variant.answer is None
    assert variant.response_headers[0].value == literal("$ns%")


def test_ifs_that_only_choose_grow_by_one_each_and_others_have_a_bound() -> None:
    choosing = "".join(f"if ($http_a = {n}) {{ add_header X-N {n}; }}" for n in range(12))
    assert len(translate(choosing).statements.variants) == 13
    answering = "".join(f"if ($http_a = {n}) {{ return 403; }}" for n in range(12))
    assert len(translate(answering).statements.variants) == 13
    setting = "".join(f"if ($http_a{n}) {{ set $s{n} 1; }}" for n in range(5)) + "add_header X-S $s0$s1$s2$s3$s4;"
    (one,) = translate(setting).mistakes
    assert "more than 16 cases" in one.mistake.message


def test_rewrites_say_whether_nginx_would_look_again() -> None:
    def first(text: str) -> Variant:
        return translate(text).statements.variants[0]

    assert (first("rewrite ^/a/(.*)$ /b/$1 last;").again, first("rewrite ^/a/(.*)$ /b/$1 last;").begins) == (
        True,
        "/b/",
    )
    assert first("rewrite ^/a/(.*)$ /b/$1;").again
    assert not first("rewrite ^/a/(.*)$ /b/$1 break;").again
    (one,) = translate("", "rewrite ^/a/(.*)$ /b/$1 last;").mistakes
    assert "before its rule is found" in one.mistake.message


def test_redirects_of_paths_are_values() -> None:
    variant = translate("rewrite ^/a/(.*)$ https://b.test:8443/$1$2 permanent;").statements.variants[0]
    assert variant.answer == Redirect(
        301, "https", "b.test", 8443, pattern="(?s)^.*?(?:^/a/(.*)$).*$", substitution="/\\1"
    )
    variant = translate("rewrite ^ http://b.test/x? redirect;").statements.variants[0]
    assert variant.answer == Redirect(302, location=literal("http://b.test/x"))


def test_networks() -> None:
    assert translate("allow 10.0.0.0/8; allow ::1; deny all;").statements.networks == Networks(
        ("10.0.0.0/8", "::1/128")
    )
    assert translate("deny 10.0.0.1;").statements.networks == Networks(deny=("10.0.0.1/32",))
    # A location with rules of its own has none of the server's.
    assert translate("allow all;", "deny all;").statements.networks is None
    assert translate("", "deny all;").statements.networks == Networks(deny=("0.0.0.0/0", "::/0"))


def test_limits_of_a_server_snippet_never_reach_a_location_of_ingress_nginx() -> None:
    tuning = translate("limit_rate 5k;", "proxy_read_timeout 5; client_max_body_size 1m; gzip off; limit_rate 1k;")
    (variant,) = tuning.statements.variants
    assert (variant.tuning.read_seconds, variant.tuning.max_body) == (None, None)
    assert (variant.tuning.compress, variant.tuning.bytes_per_second) == (False, 5 * 1024)


def test_notes_say_what_works_and_yet_differs() -> None:
    assert [note.split()[0] for note in translate(STATIC).notes] == ["expires"]
    assert translate("add_header X 1;").notes == ()


def test_a_long_text_is_refused() -> None:
    (one,) = translate("#" * 40_000).mistakes
    assert "longer than 32768 characters" in one.mistake.message


WORDS = [name for name in RULES if len(name) < 24]
WORDS += ["$host", "$uri", "($http_a", "=", "~", "~*", "!=", "a)", "^/(.*)$)", "$1", "/b/$1", "last", "break", "403"]
WORDS += ["permanent", "301", "https://$host$request_uri", "'X-A: $request_method'", "X-B", "all", "10.0.0.0/8", "30d"]
WORDS += ["64k", "on", "off", "always", "{", "}", ";", ";", "$x", "${x}", "-s", "'404 500'", "-t", "text/html"]


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join) | st.text(max_size=40), st.booleans())
def test_any_text_is_translated_or_refused_with_a_place(text: str, in_server: bool) -> None:
    found = translate("", text) if in_server else translate(text)
    for one in found.mistakes:
        assert one.mistake.at >= (1, 1)
        assert one.mistake.message
    last = found.statements.variants[-1]
    assert last.conditions == Variant().conditions
    if found.mistakes:
        assert found.statements == Statements()
    for variant in found.statements.variants:
        for change in (*variant.request_headers, *variant.response_headers):
            assert change.name == change.name.lower()
            assert change.action is HeaderAction.REMOVE or change.value.parts or change.name == "location"
