"""Problems as text: whatever a tenant wrote, it is one line and moves no cursor."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.model.problem import Problem, printable
from sealos_gateway.resources.meta import Origin, Ref

ORIGIN = Origin("Ingress", Ref("shop", "web"))


def test_a_problem_says_object_field_reason_and_what_to_do() -> None:
    assert str(Problem(ORIGIN, "spec.rules", "NoRules", "add one")) == "Ingress shop/web spec.rules: NoRules: add one"
    assert str(Problem(ORIGIN, "", "Rejected", "no")) == "Ingress shop/web: Rejected: no"


@given(st.text(st.characters()), st.text(st.characters()))
def test_nothing_unprintable_comes_through(field: str, message: str) -> None:
    text = str(Problem(ORIGIN, field, "Reason", message))
    assert text.isprintable()
    text.encode()


def test_what_is_printable_stays() -> None:
    assert printable("Größe [10] 'x'") == "Größe [10] 'x'"
    assert printable("a\x1b[2J\n\ud800") == "a\\x1b[2J\\n\\ud800"
