"""Templates in Envoy's format language: what a user wrote never becomes an operator."""

from __future__ import annotations

import pytest

from sealos_gateway.envoy import templates
from sealos_gateway.model.template import Property, Template, Variable, literal


def test_a_percent_sign_is_only_itself() -> None:
    assert templates.operators(literal("100% %REQ(:path)%")) == "100%% %%REQ(:path)%%"


def test_properties_between_texts() -> None:
    mixed = Template(("https://", Variable(Property.HOST), "/?", Variable(Property.PARAMETER, "q")))
    assert templates.operators(mixed) == "https://%REQ(:AUTHORITY)%/?%QUERY_PARAM(q)%"


@pytest.mark.parametrize("name", ["", "a)%", "a%", "a:b", "a?b"])
def test_a_name_that_could_end_the_operator_is_refused(name: str) -> None:
    with pytest.raises(templates.UnsupportedError):
        templates.operator(Variable(Property.HEADER, name))


def test_what_envoy_cannot_say_is_told() -> None:
    with pytest.raises(templates.UnsupportedError, match="capture 1"):
        templates.operators(Template((Variable(Property.CAPTURE, "1"),)))
