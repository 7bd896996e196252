"""What is looked at before a batch is sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eisen._core.errors import ArgumentError
from eisen_deploy.client import EisenServingClient
from eisen_deploy.client.validation import validate

from .client_servers import wire_server


def declared(kind: str, shape: Any, **more: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "type": kind, "shape": shape, **more}], "outputs": []}


@pytest.mark.parametrize(
    ("kind", "shape", "value"),
    [
        ("ndarray", [-1, 3, 4], np.zeros((9, 3, 4))),
        ("ndarray", [], np.zeros(())),
        ("ndarray", 5, np.zeros(5)),
        ("list", 3, [1, 2, 3]),
        ("list", [3], [1, 2, 3]),
        ("list", -1, []),
        ("str", 4, "name"),
        ("str", [-1], ""),
        ("np.ndarray", [1, 2], "anything: only three names of types mean something"),
        ("ndarray", None, np.zeros((1, 2, 3))),
    ],
)
def test_what_fits(kind: str, shape: Any, value: Any) -> None:
    validate({"x": value}, declared(kind, shape))


@pytest.mark.parametrize(
    ("kind", "shape", "value", "text"),
    [
        ("ndarray", [-1, 3, 4], np.zeros((2, 4, 3)), r"axis 1 has 4 entries, not 3; axis 2 has 3 entries, not 4"),
        ("ndarray", [-1, 3, 4], np.zeros((3, 4)), r"it has 2 axes \[3, 4\], not 3"),
        ("ndarray", [2], [1, 2], "it is a list, not an array"),
        ("ndarray", [2], np.array(["a", "b"]), "an array of <U1 cannot be sent"),
        ("ndarray", [1], np.array([None]), "an array of object cannot be sent"),
        ("list", 3, [1, 2], "it has 2 entries, not 3"),
        ("list", [3], [1], "it has 1 entry, not 3"),
        ("list", -1, "text", "it is a str, not a list"),
        ("str", 4, "names", "it has 5 entries, not 4"),
        ("str", -1, 7, "it is a int, not a str"),
    ],
)
def test_what_does_not_fit_is_said(kind: str, shape: Any, value: Any, text: str) -> None:
    with pytest.raises(ArgumentError, match=text) as caught:
        validate({"x": value}, declared(kind, shape))
    assert isinstance(caught.value, AssertionError)
    assert caught.value.card.field == "x"


def test_the_type_of_the_numbers_is_compared_where_it_is_declared() -> None:
    validate({"x": np.zeros(2, np.int16)}, declared("ndarray", [2], dtype="int16"))
    with pytest.raises(ArgumentError, match="its numbers are float64, not int16"):
        validate({"x": np.zeros(2)}, declared("ndarray", [2], dtype="int16"))


def test_names_that_are_missing_or_superfluous_are_named_with_their_nearest() -> None:
    metadata = {"inputs": [{"name": "image", "type": "ndarray", "shape": [2]}, {"name": "age", "type": "list"}]}
    with pytest.raises(ArgumentError) as caught:
        validate({"imgae": np.zeros(2), "weight": 3}, metadata)
    text = caught.value.card.what
    assert text.startswith("4 things do not fit")
    for line in ("'image' is missing; is it 'imgae'?", "'age' is missing", "'imgae' is no input of the model; is it"):
        assert f"- {line}" in text
    assert "image: ndarray of shape [2]; age: list" in caught.value.card.expected


def test_something_that_is_no_batch() -> None:
    with pytest.raises(ArgumentError, match="the batch is a ndarray"):
        validate(np.zeros(3), declared("ndarray", [3]))  # type: ignore[arg-type]


def test_nothing_is_sent_when_it_does_not_fit() -> None:
    with wire_server() as server:
        client = EisenServingClient(server.url, validate_inputs=True)
        with pytest.raises(AssertionError, match="'image_affine' is missing"):
            client.predict({"image": np.zeros((2, 2, 2))})
        assert len(server.seen) == 1
        client.input_validation({"image": np.zeros((2, 2, 2)), "image_affine": np.eye(4)})
