"""Templates through a real Envoy: variables are filled in, and no text of a user is ever read as an operator."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from sealos_gateway.envoy import api, templates
from sealos_gateway.model.template import Of, Template, Variable, joined, literal
from sealos_gateway.nginx import regex, variables
from sealos_gateway.nginx.lexer import Position, Word
from tests.e2e.bare import BareEnvoy

NOT_FILLED = (Of.COOKIE, Of.CAPTURE, Of.ESCAPED_PATH_AND_QUERY)
HOSTILE = [
    "%",
    "%%",
    "100%",
    "%REQ(authorization)%",
    "%%REQ(authorization)%%",
    "%REQ(%authorization%)%",
    "%DOWNSTREAM_REMOTE_ADDRESS%",
    "%NOSUCHOPERATOR%",
    "%REQ(",
    "%3Cscript%3E",
    "a%\\b",
    "\\1",
    "{{x}}",
    "%ENVIRONMENT(PATH)%",
    "%FILE_CONTENT(/etc/passwd)%",
]
#: What is asked for, and what a GET of /some/path?a=1&b=x%20y for host shop.test has to give.
FILLED = {
    "$host": "shop.test",
    "$http_host": "shop.test",
    "$request_method": "GET",
    "$scheme": "http",
    "$server_protocol": "HTTP/1.1",
    "$uri": "/some/path",
    "$request_uri": "/some/path?a=1&b=x%20y",
    "$args": "a=1&b=x%20y",
    "$uri$is_args$args": "/some/path?a=1&b=x%20y",
    "$arg_a": "1",
    "$arg_none": "",
    "$http_x_tenant": "%REQ(authorization)%",
    "$http_none": "",
    "$remote_addr": "127.0.0.1",
    "$request": "GET /some/path?a=1&b=x%20y HTTP/1.1",
    "<$host>${request_method}%": "<shop.test>GET%",
}


def route(values: dict[str, Template]) -> api.Message:
    message = api.route_components.Route()
    message.match.prefix = "/"
    message.direct_response.status = 200
    for name, value in values.items():
        header = message.response_headers_to_add.add().header
        header.key, header.value = name, templates.text(value)
    return message


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], httpx.Response]]:
    values = {f"x-hostile-{number}": literal(text) for number, text in enumerate(HOSTILE)}
    values |= {f"x-filled-{n}": variables.parse(Word(text, Position(1, 1))) for n, text in enumerate(FILLED)}
    values |= {f"x-of-{of.name.lower()}": _of(of) for of in Of if of not in NOT_FILLED}
    with BareEnvoy(tmp_path_factory.mktemp("bare"), [route(values)]) as envoy:
        headers = {"host": "shop.test", "x-tenant": "%REQ(authorization)%", "authorization": "secret"}
        url = f"http://127.0.0.1:{envoy.port}/some/path?a=1&b=x%20y"
        yield lambda: httpx.get(url, headers=headers)


def _of(of: Of) -> Template:
    return joined((Variable(of, "a" if of in (Of.REQUEST_HEADER, Of.RESPONSE_HEADER, Of.QUERY_PARAMETER) else ""),))


def test_no_text_is_read_as_an_operator(answer: Callable[[], httpx.Response]) -> None:
    found = answer()
    assert [found.headers.get(f"x-hostile-{number}") for number in range(len(HOSTILE))] == HOSTILE
    assert "secret" not in str(found.headers)


def test_variables_are_filled_in(answer: Callable[[], httpx.Response]) -> None:
    found = answer()
    assert {text: found.headers.get(f"x-filled-{n}", "") for n, text in enumerate(FILLED)} == FILLED


def test_envoy_knows_every_operator_we_write(answer: Callable[[], httpx.Response]) -> None:
    found = answer()
    assert found.status_code == 200  # it would not have started with one that it does not know
    assert found.headers["x-of-status"] == "200"
    assert int(found.headers["x-of-client_port"])
    assert found.headers["x-of-hostname"] == socket.gethostname()
    assert ipaddress.ip_address(found.headers["x-of-forwarded_for"])


def test_envoy_takes_an_expression_as_large_as_the_check_allows(tmp_path: Path) -> None:
    largest = "|".join(f"w{n * 7919 % 1000}a" for n in range(330))
    assert not regex.problem(largest)
    assert regex.compiled(largest).programsize > 1000
    message = api.route_components.Route()
    message.match.prefix = "/"
    message.match.headers.add(name=":path").string_match.safe_regex.regex = f"(?is).*(?:{largest}).*"
    message.direct_response.status = 200
    with BareEnvoy(tmp_path, [message]) as envoy:
        assert httpx.get(f"http://127.0.0.1:{envoy.port}/w919a").status_code == 200
        assert httpx.get(f"http://127.0.0.1:{envoy.port}/a").status_code == 404
