"""What may be the name of a header."""

from __future__ import annotations

import pytest

from sealos_gateway.model.header_names import FRAMING, token


@pytest.mark.parametrize("text", ["x-a", "X_1", "!#$%&'*+.^`|~"])
def test_a_token(text: str) -> None:
    assert token(text) == text


@pytest.mark.parametrize("text", ["", "a b", "a:", "a\r\nb", "a\n", "ä", "(x)", "a,b"])
def test_no_token(text: str) -> None:
    assert token(text) is None


def test_what_frames_a_message_is_written_as_names_are_compared() -> None:
    assert {token(name.lower()) for name in FRAMING} == FRAMING
