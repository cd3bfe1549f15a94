"""Bytes to lines and objects."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.kube import wire
from sealos_gateway.kube.errors import GarbledError
from sealos_gateway.resources import kinds
from sealos_gateway.resources.meta import Ref


@given(st.lists(st.binary(min_size=1).filter(lambda line: b"\n" not in line)), st.lists(st.integers(0, 300)))
def test_lines_do_not_depend_on_the_pieces(lines: list[bytes], cuts: list[int]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reader = wire.Lines()
    found = [line for start, end in pairwise(places) for line in reader.feed(data[start:end])]
    assert found == lines


def test_a_line_without_end_is_no_line() -> None:
    reader = wire.Lines()
    assert reader.feed(b"abc") == []
    assert reader.feed(b"\n\n\nd") == [b"abc"]


def test_a_line_of_megabytes_in_small_pieces_is_joined_once() -> None:
    reader = wire.Lines()
    for _ in range(50_000):
        assert reader.feed(b"x" * 100) == []
    assert [len(line) for line in reader.feed(b"\n")] == [5_000_000]


def test_an_object_of_its_kind() -> None:
    found = wire.present(
        kinds.SERVICE, b'{"metadata":{"name":"web","namespace":"shop"},"spec":{"ports":[{"port":80}]}}'
    )
    assert isinstance(found, wire.Put)
    assert found.ref == Ref("shop", "web")


@pytest.mark.parametrize("spec", [b'{"ports":7}', b'{"ports":[{"port":"\xff"}]}'])
def test_a_bad_object_has_a_name_and_a_reason(spec: bytes) -> None:
    found = wire.present(kinds.SERVICE, b'{"metadata":{"name":"web","namespace":"shop"},"spec":' + spec + b"}")
    assert isinstance(found, wire.Bad)
    assert found.ref == Ref("shop", "web")
    assert found.reason


@pytest.mark.parametrize("data", [b"", b"[]", b'{"metadata":{}}', b'{"metadata":{"name":', b'{"metadata":7}'])
def test_what_has_no_name_is_garbage(data: bytes) -> None:
    with pytest.raises(GarbledError):
        wire.present(kinds.SERVICE, data)
