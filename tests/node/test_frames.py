"""Frames come back as they were written, and whatever happens to the file is noticed where it happened."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealos_gateway.node.frames import MARK, DamagedError, Writer, read

PAYLOADS = st.lists(st.binary(max_size=60), max_size=6)


def written(payloads: list[bytes]) -> bytes:
    file = io.BytesIO()
    writer = Writer(file)
    for payload in payloads:
        writer.write(payload)
    assert writer.size == len(file.getvalue())
    return file.getvalue()


def good_part(data: bytes) -> tuple[list[bytes], bool]:
    """What is read, and whether that was all."""
    found: list[bytes] = []
    try:
        found.extend(read(io.BytesIO(data)))
    except DamagedError:
        return found, False
    return found, True


@given(PAYLOADS)
def test_what_was_written_is_read(payloads: list[bytes]) -> None:
    assert good_part(written(payloads)) == (payloads, True)


@given(PAYLOADS.filter(bool), st.data())
def test_any_flipped_bit_is_found_and_what_is_before_it_stays(payloads: list[bytes], data: st.DataObject) -> None:
    whole = bytearray(written(payloads))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    found, complete = good_part(bytes(whole))
    assert not complete
    assert found == payloads[: len(found)]


@given(PAYLOADS.filter(bool), st.data())
def test_any_cut_leaves_whole_frames(payloads: list[bytes], data: st.DataObject) -> None:
    whole = written(payloads)
    cut = data.draw(st.integers(0, len(whole) - 1))
    found, complete = good_part(whole[:cut])
    assert found == payloads[: len(found)]
    assert not complete or len(written(found)) == cut


def test_a_frame_that_is_left_out_or_repeated_is_found() -> None:
    one, two = written([b"a"]), written([b"a", b"b"])
    second = two[len(one) :]
    assert good_part(MARK + second) == ([], False)
    assert good_part(two + second) == ([b"a", b"b"], False)


def test_another_file_is_none_of_ours() -> None:
    with pytest.raises(DamagedError, match="does not begin"):
        list(read(io.BytesIO(b"#!/bin/sh\n")))
