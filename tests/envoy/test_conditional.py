"""Values for some responses only; `tests/e2e/test_snippets.py` asks Envoy itself."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.envoy import conditional, templates
from sealos_gateway.model.policy import HeaderAction, HeaderChange
from sealos_gateway.model.template import Of, Variable, joined, literal


def change(*parts: str | Variable, statuses: tuple[int, ...] = (200,), types: tuple[str, ...] = ()) -> HeaderChange:
    return HeaderChange(HeaderAction.SET, "x-a", joined(parts), statuses, types)


def test_for_every_response_it_is_the_template() -> None:
    one = change("100% ", Variable(Of.HOST), statuses=())
    assert conditional.text(one) == templates.text(one.value)


def test_every_part_is_empty_for_other_responses() -> None:
    found = conditional.text(change("a", Variable(Of.METHOD), statuses=(200, 404)))
    when = "response.headers[':status'] in ['200', '404']"
    assert found == f"%CEL({when} ? 'a' : '')%%CEL({when} ? request.method : '')%"


def test_a_variable_without_attribute_makes_it_a_header_of_every_response() -> None:
    one = change(Variable(Of.CLIENT_ADDRESS))
    assert conditional.text(one) == templates.text(one.value)


@given(st.text(), st.text(alphabet=st.characters(codec="ascii")))
def test_no_text_can_end_the_expression(text: str, media_type: str) -> None:
    found = conditional.text(change(*([text] if text else []), types=(media_type,)))
    inner = found.removeprefix("%CEL(").removesuffix(")%")
    assert "%" not in inner
    quoted = re.findall(r"'((?:[^'\\]|\\.)*)'", inner)
    assert re.sub(r"'(?:[^'\\]|\\.)*'", "", inner).isascii()
    if text:
        # What CEL reads is the text again.
        assert quoted[-2].encode("ascii").decode("unicode_escape") == text or not text.isascii()


def test_literals_are_what_they_were() -> None:
    assert "'a\\u0022\\u0029\\u0025b'" in conditional.text(change('a")%b'))
    assert conditional.can(literal("x"))
