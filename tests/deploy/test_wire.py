"""Messages in msgpack: the same bytes as before, and nothing but refusals for what is damaged."""

from __future__ import annotations

import math
from typing import Any

import msgpack
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from eisen._core.errors import ArgumentError
from eisen_deploy.serving.messages import Refusal
from eisen_deploy.utils import decode_data, encode_data, pack, unpack
from eisen_deploy.wire import Limits

DTYPES = st.one_of(
    npst.boolean_dtypes(),
    npst.integer_dtypes(endianness="?"),
    npst.unsigned_integer_dtypes(endianness="?"),
    npst.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    npst.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    npst.unicode_string_dtypes(max_len=4),
)
ARRAYS = npst.arrays(DTYPES, npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(max_size=300),
)
VALUES = st.recursive(
    st.one_of(PLAIN, ARRAYS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=40), inner, max_size=4),
    max_leaves=6,
)
MESSAGES = st.dictionaries(st.text(max_size=5), VALUES, max_size=5)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@given(MESSAGES)
def test_a_message_says_what_was_packed(values: dict[str, Any]) -> None:
    assert same(unpack(pack(values)), values)
    assert same(unpack(bytearray(pack(values))), values)


@given(MESSAGES)
def test_bytes_are_those_of_msgpack(values: dict[str, Any]) -> None:
    assert pack(values) == msgpack.packb(encode_data(values), use_bin_type=True)
    assert same(decode_data(msgpack.unpackb(pack(values), raw=False)), values)


@given(st.dictionaries(st.text(max_size=5), st.recursive(PLAIN, st.lists, max_leaves=6), max_size=5))
def test_reading_agrees_with_msgpack(values: dict[str, Any]) -> None:
    body = msgpack.packb(values)
    assert unpack(body) == msgpack.unpackb(body)


def test_the_format_of_the_original_in_bytes() -> None:
    body = pack({"x": np.array([[1, 2]], ">i2")})
    assert body == (
        b"\x81\xa1x\x84\xab__ndarray__\xc3\xa4data\xc4\x04\x00\x01\x00\x02\xa5shape\x92\x01\x02\xa4type\xa3>i2"
    )


def test_maps_and_lists_of_every_length_are_read_and_written() -> None:
    for count in (0, 15, 16, 17, 300, 70_000):
        values = {"list": list(range(count)), "map": {str(n): n for n in range(min(count, 400))}, "text": "x" * count}
        assert unpack(msgpack.packb(values)) == values
        assert pack(values) == msgpack.packb(values)
    many = {str(n): n for n in range(70_000)}
    assert unpack(msgpack.packb(many)) == many


def test_the_functions_work_as_hooks_of_msgpack() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    body = msgpack.packb({"x": array, "n": np.float64(0.5)}, default=encode_data, use_bin_type=True)
    found = msgpack.unpackb(body, object_hook=decode_data, raw=False)
    assert same(found, {"x": array, "n": 0.5})


@given(st.binary(max_size=300))
def test_noise_is_refused(body: bytes) -> None:
    refused_or_read(body)
    refused_or_read(b"\x81\xa1x" + body)


@given(MESSAGES, st.data())
def test_a_damaged_message_is_refused_or_read(values: dict[str, Any], data: st.DataObject) -> None:
    body = bytearray(pack(values))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
        if not body:
            break
    refused_or_read(body)
    refused_or_read(bytes(body[: data.draw(st.integers(0, len(body)))]))


def refused_or_read(body: bytes | bytearray) -> None:
    try:
        assert isinstance(unpack(body), dict)
    except Refusal as error:
        refusal = error
    else:
        return
    assert refusal.status in (400, 413)
    assert refusal.answer().body


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"type": None}, "type"),
        ({"shape": [2, 2]}, "4 bytes|16 bytes"),
        ({"shape": [-1]}, "shape"),
        ({"shape": [True]}, "shape"),
        ({"shape": "1"}, "shape"),
        ({"shape": [2**70 % 2**63, 4]}, "bytes"),
        ({"shape": [0, 2**62, 2**62]}, "bytes|shape"),
        ({"shape": [1] * 33}, "shape"),
        ({"data": "1234"}, "data"),
        ({"type": "O"}, "type"),
        ({"type": "V4"}, "type"),
        ({"type": "f4,f4"}, "type"),
        ({"type": "(1000000000,)f4"}, "type"),
        ({"type": ["f4"]}, "type"),
        ({"type": "float128"}, "type"),
        ({"type": "<U1", "data": b"\xff\xff\xff\xff"}, "letters"),
        ({"__ndarray__": 1}, "true"),
    ],
)
def test_a_damaged_array_names_its_field(entry: dict[str, Any], words: str) -> None:
    whole = {"__ndarray__": True, "data": b"1234", "shape": [1], "type": "float32"}
    wrong = {**whole, **entry}
    with pytest.raises(Refusal, match=words) as caught:
        unpack(msgpack.packb({"scan": wrong}))
    assert (caught.value.status, caught.value.facts["field"]) == (400, "scan")
    with pytest.raises(ArgumentError):
        decode_data({"scan": wrong})


@pytest.mark.parametrize("missing", ["data", "shape", "type"])
def test_an_array_without_an_entry_names_it(missing: str) -> None:
    whole = {"__ndarray__": True, "data": b"1234", "shape": [1], "type": "float32"}
    del whole[missing]
    with pytest.raises(Refusal, match=missing):
        unpack(msgpack.packb({"scan": [whole]}))


def test_short_floats_are_read() -> None:
    assert unpack(msgpack.packb({"x": 0.5}, use_single_float=True)) == {"x": 0.5}


def test_the_original_array_of_that_table_is_fine() -> None:
    whole = {"__ndarray__": True, "data": b"\x00\x00\x80\x3f", "shape": [1], "type": "float32"}
    assert unpack(msgpack.packb({"scan": whole}))["scan"].tolist() == [1.0]


def test_no_memory_is_taken_for_lengths_that_are_only_claimed() -> None:
    for claim in (b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff"):
        with pytest.raises(Refusal, match="ends too early"):
            unpack(b"\x81\xa1x" + claim)


@pytest.mark.parametrize(
    ("body", "limits", "status"),
    [
        (b"\x81\xa1x" + b"\x91" * 40 + b"\xc0", Limits(), 400),
        (b"\x81\xa1x" + b"\x81\xa1x" * 40 + b"\xc0", Limits(), 400),
        (b"\x81\xa1x\xdc\x03\xe8" + b"\xc0" * 1000, Limits(values=999), 413),
        (b"\x81\xa1x\xc4\xff" + bytes(255), Limits(total=200), 413),
    ],
    ids=["deep lists", "deep maps", "many values", "many bytes"],
)
def test_a_message_beyond_the_limits_is_refused(body: bytes, limits: Limits, status: int) -> None:
    with pytest.raises(Refusal) as caught:
        unpack(body, limits)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x90",
        b"\xc0",
        b"\x81\xc0\xc0",
        b"\x82\xa1x\xc0\xa1x\xc0",
        b"\x80\xc0",
        b"\x81\xa1\xff\xc0",
        b"\xd4\x01\x01",
    ],
)
def test_what_is_no_map_of_names_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal):
        unpack(body)


def test_arrays_may_be_written_to_and_do_not_change_what_was_packed() -> None:
    array = np.ones((2, 2), np.float32)
    for body in (pack({"x": array}), bytearray(pack({"x": array}))):
        found = unpack(body)["x"]
        found += 1
        assert found.tolist() == [[2, 2], [2, 2]]
        assert found.flags.aligned
    decoded = decode_data(encode_data(array))
    decoded[0, 0] = 7
    assert array[0, 0] == 1


def test_encoding_changes_nothing_in_place() -> None:
    inner = {"a": np.zeros(2)}
    values = {"x": [inner, (np.int8(3), None)]}
    encoded = encode_data(values)
    assert isinstance(inner["a"], np.ndarray)
    assert encoded["x"][1] == [3, None]
    assert same(decode_data(encoded), {"x": [{"a": np.zeros(2)}, [3, None]]})
    assert decode_data(None) is None


@pytest.mark.parametrize(
    "tensor",
    [torch.arange(4).reshape(2, 2).T, torch.ones(3, requires_grad=True), torch.tensor(2.5), torch.ones(2).bfloat16()],
)
def test_tensors_are_sent_as_arrays(tensor: torch.Tensor) -> None:
    found = unpack(pack({"x": tensor}))["x"]
    assert found.tolist() == tensor.tolist()
    assert found.shape == tuple(tensor.shape)


@pytest.mark.parametrize(
    "value",
    [
        np.array([object()]),
        np.zeros(2, [("a", "f4")]),
        np.array(["2020-01-01"], "M8[D]"),
        np.ma.masked_array([1, 2], [True, False]),
        np.zeros(1, np.longdouble),
        {1, 2},
        1j,
        2**70,
        "\ud800",
        {3: 4},
        object(),
        [np.datetime64("2020-01-01")],
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_sent_names_its_field(value: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        pack({"first": 1, "second": {"inner": [value]}})
    assert caught.value.card.field == "second"


def test_numbers_of_numpy_and_special_ones_survive() -> None:
    found = unpack(pack({"a": np.float32(0.5), "b": math.inf, "c": np.bool_(True), "d": np.str_("x"), "e": -math.inf}))
    assert found == {"a": 0.5, "b": math.inf, "c": True, "d": "x", "e": -math.inf}
    assert math.isnan(unpack(pack({"a": math.nan}))["a"])
