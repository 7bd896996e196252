"""Labels that are decided while probabilities come in are those that are decided at the end, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

from eisen._core.errors import ShapeError
from eisen._core.types import Geometry
from eisen.transforms.functional import regridding
from eisen.transforms.functional.restore import restore_label_map
from eisen.transforms.functional.restore_stream import LabelStream, stream_labels

NATIVE = Geometry.of(np.array([[0, -1.1, 0, 5], [2.0, 0, 0, 3], [0, 0, 3, 1], [0, 0, 0, 1]]), (31, 22, 27))


def turned(angle: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[2, 1] = 0.1
    return matrix


def shifted(matrix: np.ndarray, *by: float) -> np.ndarray:
    moved = np.array(matrix, dtype=float)
    moved[:3, 3] = by
    return moved


GRIDS = {
    "as it is": (np.eye(4), (31, 22, 27)),
    "cropped, padded, turned": (shifted(np.eye(4)[[2, 0, 1, 3]] * [1, 1, -1, 1], 29, -3, 2), (20, 28, 30)),
    "resampled": (shifted(np.diag([1.7, 0.6, 1.3, 1]), 0.3, -1, 0.2), (18, 40, 20)),
    "resampled and turned": (
        shifted([[0, 0, -1.7, 0], [0.6, 0, 0, 0], [0, 1.2, 0, 0], [0, 0, 0, 1]], 29, -3, 2),
        (40, 20, 18),
    ),
    "rotated": (turned(0.3) * 1.3, (25, 25, 25)),
    "beside it": (shifted(np.diag([1.5, 1, 1, 1]), 100, 0, 0), (9, 22, 27)),
}


@pytest.mark.parametrize("values", [None, [2, 5, 7], [0, 300, 4]])
@pytest.mark.parametrize("name", GRIDS)
def test_the_same_labels_come_out_piece_by_piece(name, values, monkeypatch):
    monkeypatch.setattr(regridding, "_SLAB_VOXELS", 5000)
    matrix, shape = GRIDS[name]
    geometry = NATIVE.moved(NATIVE.affine @ matrix, shape, "made")
    draw = np.random.default_rng(0)
    likely = draw.random((3, *shape), "float32")
    expected = restore_label_map(likely, geometry, values)
    assert np.array_equal(stream_labels(likely, geometry, values), expected)
    stream = LabelStream(geometry, 3, values)
    for block in stream.blocks(3):
        stream.begin(block)
        low, high = block[1]
        columns = 0
        while columns < shape[2]:
            n = int(draw.integers(1, 7))
            stream.add(likely[:, :, low:high, columns : columns + n])
            columns += n
    assert np.array_equal(stream.labels, expected)
    assert stream.labels.dtype == expected.dtype


def test_few_columns_are_kept():
    geometry = NATIVE.moved(NATIVE.affine @ np.diag([1.5, 1.5, 0.25, 1]), (20, 15, 108), "made")
    stream = LabelStream(geometry, 2)
    ((rows, _),) = stream.blocks(1)
    assert stream.width(rows) <= 8 * 4 + 6


def test_channels_must_have_a_label_each():
    with pytest.raises(ShapeError, match="3 channels"):
        LabelStream(NATIVE, 3, [1, 2])
