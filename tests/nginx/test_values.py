"""Numbers, times, sizes and switches."""

from __future__ import annotations

import pytest

from sealos_gateway.nginx import values
from sealos_gateway.nginx.lexer import NginxError, Position, Word


def word(text: str) -> Word:
    return Word(text, Position(3, 4))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("60", 60),
        ("60s", 60),
        ("1m30s", 90),
        ("500ms", 0.5),
        ("1d", 86400),
        ("2w", 1209600),
        ("1M", 2592000),
        ("1h 5", 3605),
    ],
)
def test_times(text: str, expected: float) -> None:
    assert values.seconds(word(text)) == expected


@pytest.mark.parametrize("text", ["", "s", "1x", "-1", "1s1m", "1s1s", "1.5s", "m1"])
def test_no_times(text: str) -> None:
    with pytest.raises(NginxError, match="is no time") as caught:
        values.seconds(word(text))
    assert caught.value.at == Position(3, 4)


def test_sizes_switches_and_numbers() -> None:
    assert [values.size(word(text)) for text in ("0", "5", "64k", "10M", "1g")] == [0, 5, 65536, 10 << 20, 1 << 30]
    assert [values.switch(word(text)) for text in ("on", "off")] == [True, False]
    assert values.number(word("7"), 1, 9, "digit") == 7
    for read in (values.size, values.switch, lambda it: values.number(it, 1, 9, "digit")):
        for text in ("", "x", "-1", "1t", "٣"):
            with pytest.raises(NginxError):
                read(word(text))
