"""Templates as Envoy's format strings; `tests/e2e/test_templates.py` asks Envoy itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.envoy import templates
from sealos_gateway.model.template import Of, Variable, joined, literal


@given(st.text())
def test_a_literal_has_no_operator(text: str) -> None:
    found = templates.text(literal(text))
    assert found.replace("%%", "") == text.replace("%", "")
    assert found.replace("%%", "%") == text


def test_operators_stand_between_literals() -> None:
    value = joined(("100% of ", Variable(Of.HOST), "%REQ(x)%", Variable(Of.REQUEST_HEADER, "x-a")))
    assert templates.text(value) == "100%% of %DYNAMIC_METADATA(sealos.scope:name)%%%REQ(x)%%%REQ(x-a)%"
    assert templates.text(value, "a.com") == "100%% of a.com%%REQ(x)%%%REQ(x-a)%"


@pytest.mark.parametrize("name", ["", "a)%%REQ(authorization", "a?b", ":path", "a b", "é", "a%"])
def test_a_name_cannot_leave_its_operator(name: str) -> None:
    with pytest.raises(templates.TemplateError):
        templates.text(joined((Variable(Of.REQUEST_HEADER, name),)))


@pytest.mark.parametrize("of", list(Of))
def test_every_variable_has_an_operator_or_is_told(of: Of) -> None:
    value = joined((Variable(of, "1"),))
    if of in (Of.COOKIE, Of.CAPTURE, Of.ESCAPED_PATH_AND_QUERY):
        with pytest.raises(templates.TemplateError):
            templates.text(value)
    else:
        assert templates.text(value).startswith("%")


def test_substitutions_hold_literals_and_captures() -> None:
    value = joined(("/a\\1%/", Variable(Of.CAPTURE, "2"), "0"))
    assert templates.substitution(value) == "/a\\\\1%/\\20"
    with pytest.raises(templates.TemplateError):
        templates.substitution(joined((Variable(Of.HOST),)))
