"""nginx' variables as templates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.model.template import Of, Template, Variable, joined, literal
from sealos_gateway.nginx.lexer import NginxError, Position, Word
from sealos_gateway.nginx.variables import lookup, parse


def template(text: str, **known: str) -> Template:
    return parse(Word(text, Position(2, 7)), {name: literal(value) for name, value in known.items()})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("plain % text", ("plain % text",)),
        ("$host", (Variable(Of.HOST),)),
        ("a${host}b", ("a", Variable(Of.HOST), "b")),
        ("$HTTP_X_Real_Ip", (Variable(Of.REQUEST_HEADER, "x-real-ip"),)),
        ("$http_x_forwarded_for", (Variable(Of.REQUEST_HEADER, "x-forwarded-for"),)),
        ("$upstream_http_etag", (Variable(Of.RESPONSE_HEADER, "etag"),)),
        ("$arg_userId", (Variable(Of.QUERY_PARAMETER, "userId"),)),
        ("$cookie_session_Id", (Variable(Of.COOKIE, "session_Id"),)),
        ("$10", (Variable(Of.CAPTURE, "1"), "0")),
        ("https://$host$request_uri", ("https://", Variable(Of.HOST), Variable(Of.PATH_AND_QUERY))),
        ("https://$host$uri$is_args$args", ("https://", Variable(Of.HOST), Variable(Of.PATH_AND_QUERY))),
        ("$uri?$args", (Variable(Of.PATH), "?", Variable(Of.QUERY))),
        ("$proxy_add_x_forwarded_for", (Variable(Of.FORWARDED_FOR),)),
        ("$request", (Variable(Of.METHOD), " ", Variable(Of.PATH_AND_QUERY), " ", Variable(Of.PROTOCOL))),
        ("is_args", ("is_args",)),
    ],
)
def test_values(text: str, parts: tuple[str | Variable, ...]) -> None:
    assert template(text).parts == parts


def test_what_somebody_has_set_wins_and_is_not_read_again() -> None:
    assert template("$x-$host", x="$uri%", host="a.com") == literal("$uri%-a.com")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cost: 5$", "'\\$' is no variable"),
        ("a$ b", "no way to write a dollar sign"),
        ("${host", "is no variable"),
        ("$(host)", "is no variable"),
        ("$0", "the variable \\$0 is not supported"),
        ("$geoip_country_code", "have the application compute it"),
        ("$http_", "not supported"),
        ("$document_root", "write one of \\$host"),
        ("$is_args", "within \\$uri\\$is_args\\$args only"),
        ("$uri$is_args", "within \\$uri\\$is_args\\$args only"),
    ],
)
def test_what_is_not_known_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(NginxError, match=said) as caught:
        template(text)
    assert caught.value.at == Position(2, 7)


@given(st.text(alphabet=st.sampled_from("ab$_{}19 %hosturi")) | st.text())
def test_a_text_is_a_template_or_an_error(text: str) -> None:
    try:
        found = template(text)
    except NginxError:
        assert "$" in text
    else:
        assert found == joined(found.parts)
        if "$" not in text:
            assert found.literal == text


def test_lookup_by_name() -> None:
    assert lookup("host") == joined((Variable(Of.HOST),))
    assert lookup("x", {"x": literal("1")}) == literal("1")
    assert lookup("nothing") is None
    assert lookup("is_args") is None
